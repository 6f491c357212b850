"""Connections from the open internet: which headers are read, how much of each, private ports, ports that are taken."""
