"""The sandbox for other people's commands: namespaces, a system call filter, limits, and a proxy as the only
network."""
