"""From a folder to a finished deploy: choosing, packing, uploading, following."""
