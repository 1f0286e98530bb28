-- A user who was removed stays as a row, because uploads and history refer to it. Its name is free for
-- another one: there it is the id, and what it was is kept for the history.

ALTER TABLE users ADD COLUMN removed_name TEXT; -- NULL: not removed
