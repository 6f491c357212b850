"""Apps: their slugs and configurations."""
