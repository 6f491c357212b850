"""Operations across apps, versions and environments: create, publish, roll back, restore, promote."""
