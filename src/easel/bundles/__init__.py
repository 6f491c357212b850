"""Bundles: the zips people upload, checked, hashed and indexed where they lie. Nothing here is ever unpacked."""
