"""The rules that turn a request into a response. They are pure functions, and the edge does all I/O.

The deploy pipeline tries the same rules on a new version before a visitor sees the version.
"""
