"""Fetches one commit of a repository with Git's own program."""
