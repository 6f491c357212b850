"""Running somebody else's commands: namespaces, a system call filter, limits, and no network but a proxy."""
