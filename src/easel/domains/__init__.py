"""Custom domains of apps. The contract's models are here; the operations are not built yet."""
