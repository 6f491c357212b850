"""Rules files: the meaning of `_redirects`, `_headers` and similar files, in two dialects, and their effect on a
request.

A file is parsed once, at ingest, into `Rules`. The manifest stores them, so a restored version responds as before. An
edge compiles them into a `Table`, whose look-up does not grow with the number of lines. This package knows no files,
sites or HTTP, only a path, a query and a few fields.
"""
