"""Turning sources into a bundle: the sandbox a build runs in, and its log."""
