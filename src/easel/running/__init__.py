"""Running the roles: one process each, the supervisor above them, and commands that operators use."""
