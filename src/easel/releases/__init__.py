"""Operations that change apps, versions and environments together: create, publish, roll back, restore, promote."""
