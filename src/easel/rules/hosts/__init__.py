"""Reads the configuration files of other hosts, as far as their rules map to lines and blocks."""
