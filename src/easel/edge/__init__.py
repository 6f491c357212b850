"""The edge: answers visitors from memory and from the stored bundles. No request queries the database."""
