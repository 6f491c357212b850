"""The command line, tested the way it is used."""
