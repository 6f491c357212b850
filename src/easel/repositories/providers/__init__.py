"""The differences between Git hosts, with one module for each kind of host."""
