"""The build cache: folders that a build leaves for the next build of the same app and environment."""
