"""Apps: what is hosted, under which name, with which configuration."""
