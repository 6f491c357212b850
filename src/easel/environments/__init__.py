"""Environments: the pointers that decide which version visitors get, the one function that moves them, and the audit of
every move."""
