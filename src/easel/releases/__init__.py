"""What people do with apps, versions and environments at once: create, publish, roll back, restore, promote."""
