"""The edge: serves visitors from memory and from the stored bundles. No request queries the database."""
