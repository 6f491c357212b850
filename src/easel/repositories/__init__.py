"""Repositories: which one an app follows, how its host speaks, and fetching a commit of it."""
