"""Easel: self-hosted hosting for web apps, with immutable versions and pointers that move at once."""

__version__ = "0.2.0"
