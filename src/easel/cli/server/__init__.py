"""The commands that run a server, or work on its data. What they run is imported when they are called."""
