"""A builder's run of a deploy: the builder makes a bundle from a source, and passes the deploy on to a worker."""
