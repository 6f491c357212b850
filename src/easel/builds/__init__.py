"""Builds: turns sources into a bundle, by commands in a sandbox, with a log."""
