"""Runs Easel's roles (api, worker, builder, edge), each in its own process, the supervisor above them, and operators'
commands."""
