"""The toolchains of builds: Node, package managers and Python, in the versions that projects require. They are
read-only."""
