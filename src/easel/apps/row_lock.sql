-- part: held
-- Restricts a statement to an app that is not deleted, and locks the app's row until the commit. The lock is weaker than `for
-- update`, so that rows that refer to the app can be inserted at the same time (migration 0004).
deleted_at is null for no key update
