"""Deploys: from an accepted request to a live version, in idempotent steps."""
