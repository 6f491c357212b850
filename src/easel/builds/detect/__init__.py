"""Which tools build a folder of sources, with which commands, into which folder. Nothing of it is run."""
