"""Reads the configuration files of other hosts, as far as Easel's lines and blocks can express their rules."""
