"""The edge: answers visitors from memory and from the bundles where they lie. No request asks the database."""
