"""Environments: the pointers that visitors follow, the one function that moves them, and the audit of every move."""
