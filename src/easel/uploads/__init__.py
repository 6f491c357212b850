"""Uploads: presigned addresses, and the bytes that arrive there."""
