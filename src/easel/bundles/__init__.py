"""Bundles: the uploaded zips with the files of an app. They are checked, hashed and indexed in place, and never
unpacked."""
