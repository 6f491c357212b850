"""Custom domains of apps. The contract's models are here. The operations are not built yet."""
