"""Rules files: the meaning of `_redirects`, `_headers` and their like, in two dialects, and their effect on a request.

A file is parsed once, at ingest, into `Rules`, which the manifest stores: a restored version answers as before. An edge
compiles them into a `Table`, whose look-up does not grow with the number of lines. This package knows no files, sites
or HTTP, only a path, a query and a few fields.
"""
