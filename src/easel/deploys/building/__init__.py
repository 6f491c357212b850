"""A builder's run of a deploy: the builder makes a bundle of a source, and passes the deploy on to a worker."""
