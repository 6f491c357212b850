"""The rules by which a request becomes an answer. They take values and give values; the edge does all I/O.

The deploy pipeline tries the same rules on a new version before a visitor sees it.
"""
