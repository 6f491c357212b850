"""Connections from the open internet: the headers that are read, their limits, private ports, ports in use."""
