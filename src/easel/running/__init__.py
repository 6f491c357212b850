"""Runs the roles, each in its own process, the supervisor above them, and operators' commands."""
