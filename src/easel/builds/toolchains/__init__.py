"""Toolchains of builds: Node, its package managers and Python, chosen by what a project asks for and kept read-only."""
