"""Versions of an app. They are immutable and numbered, and can be compared, downloaded and restored."""
