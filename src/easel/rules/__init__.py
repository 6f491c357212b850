"""Rules files: what `_redirects`, `_headers` and their like say, in two dialects, and what they answer to a request.

A file is parsed once, at ingest, into `Rules`, which the manifest keeps: a restored version answers as it did. An edge
compiles them into a `Table`, whose look-up does not grow with the number of lines. Nothing here knows of files, sites
or HTTP beyond a path, a query and a few fields.
"""
