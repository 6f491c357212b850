"""Deploys: the work that turns an accepted request into a live version, in idempotent steps."""
