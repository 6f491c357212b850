"""Uploads: presigned URLs, and the bytes that arrive there."""
