"""The build cache: folders that a build leaves for the next one of its app and environment."""
