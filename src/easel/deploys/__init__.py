"""Deploys: from an accepted request to a live version, one idempotent step after another."""
