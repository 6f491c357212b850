"""The part of a deploy that a builder runs: it builds a bundle from a source, and passes the deploy on to a worker."""
