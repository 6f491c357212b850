"""Builds: sources become a bundle, by commands in a sandbox and with a log."""
