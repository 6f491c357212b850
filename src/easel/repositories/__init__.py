"""Repositories: the repository that an app follows, the dialect of its host, and fetching a commit."""
