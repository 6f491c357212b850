"""Serving: the rules by which a request becomes an answer. Values in, values out; the edge does the I/O.

The deploy pipeline asks a candidate the same rules before any visitor sees it.
"""
