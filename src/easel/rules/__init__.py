"""Rules: the redirects and headers that an app declares in `_redirects`, `_headers` and similar files, in two dialects,
and their effect on a request.

The files are parsed once, when a version is deployed, into `Rules`. The manifest stores them, so a restored version
responds as before. An edge compiles them into tables, whose look-up does not become slower with the number of lines.
This package knows no files, sites or HTTP, only a path, a query and a few fields.
"""
