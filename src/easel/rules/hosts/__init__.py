"""Reads the configuration files of other hosting providers, as far as Easel's lines and blocks can express their
rules."""
