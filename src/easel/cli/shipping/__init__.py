"""From a folder to a deploy that has ended: choosing, packing, uploading, following."""
