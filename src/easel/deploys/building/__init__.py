"""From a source to a bundle: a builder's run of a deploy, which hands the deploy on to a worker."""
