"""The functions that turn a visitor's request into a response. They are pure, and the edge does all I/O. The deploy
pipeline applies the same functions to a new version before a visitor sees the version."""
