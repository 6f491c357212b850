"""The command line, tested as it is used."""
