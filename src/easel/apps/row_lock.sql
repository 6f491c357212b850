-- part: held
-- The condition and the lock by which the row of an app that is not deleted is held until the commit. Weaker than `for update`:
-- rows that refer to the app may be inserted meanwhile (migration 0004).
deleted_at is null for no key update
