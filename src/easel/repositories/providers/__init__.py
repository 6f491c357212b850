"""The differences between Git hosts, one module each."""
