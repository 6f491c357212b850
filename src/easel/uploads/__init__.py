"""Uploads: presigned URLs, and the bytes that clients send to them."""
