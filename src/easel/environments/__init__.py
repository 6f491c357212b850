"""Environments: the pointers that decide what visitors get, the one function that moves them, and the audit of every
move."""
