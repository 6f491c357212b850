"""The commands that run a server, or work on its data. Each imports its implementation when it is called."""
