"""Bundles: the uploaded zips, which are checked, hashed and indexed in place, and never unpacked."""
