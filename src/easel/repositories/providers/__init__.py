"""The differences between Git hosts (GitHub, GitLab and others), with one module for each kind of host."""
