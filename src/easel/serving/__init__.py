"""The rules that turn a request into an answer. They are pure; the edge does all I/O.

The deploy pipeline tries the same rules on a new version before a visitor sees it.
"""
