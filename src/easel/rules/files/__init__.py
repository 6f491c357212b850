"""Reading `_redirects` and `_headers`: lines, dialects, refusals, remarks."""
