"""Reads `_redirects` and `_headers`: their lines, dialects, refused lines and remarks."""
