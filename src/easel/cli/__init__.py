"""The `easel` command: a thin layer over the API, and the commands that run Easel itself."""
