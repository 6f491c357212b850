"""The fast path: sends a prepared answer to a plain request before an ASGI scope is made."""
