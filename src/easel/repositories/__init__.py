"""Repositories: the Git repository that an app follows, the differences between Git hosts, and fetching a commit."""
