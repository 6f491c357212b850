"""The fast path: answers a plain request with a prepared response, before an ASGI scope is created."""
