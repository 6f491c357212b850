"""The fast path: a plain request is answered from a prepared answer before an ASGI scope is made."""
