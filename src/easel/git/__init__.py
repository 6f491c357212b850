"""Builds from Git repositories. The contract's models are here; the operations are not built yet."""
