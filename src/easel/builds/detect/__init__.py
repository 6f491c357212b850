"""Detects the tools that build a folder of sources, their commands, and the output folder. Runs nothing from the
sources."""
