"""Bundles: the uploaded zips, checked, hashed and indexed in place. They are never unpacked."""
