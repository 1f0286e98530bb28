-- name: user_insert
INSERT INTO users (id, workspace_id, name, created_at) VALUES ($1, $2, $3, $4);

-- name: user_by_id
SELECT id, workspace_id, name, created_at, disabled_at FROM users
WHERE workspace_id = $1 AND id = $2 AND removed_name IS NULL;

-- name: user_first
-- Ids sort by the time they were made. It is never removed.
SELECT id FROM users WHERE workspace_id = $1 ORDER BY id LIMIT 1;

-- name: user_list
SELECT id, workspace_id, name, created_at, disabled_at FROM users
WHERE workspace_id = $1 AND id > $2 AND removed_name IS NULL ORDER BY id LIMIT $3;

-- name: user_disable
UPDATE users SET disabled_at = coalesce(disabled_at, $3)
WHERE workspace_id = $1 AND id = $2 AND removed_name IS NULL;

-- name: user_enable
UPDATE users SET disabled_at = NULL
WHERE workspace_id = $1 AND id = $2 AND removed_name IS NULL;

-- name: user_remove
-- Again it changes nothing.
UPDATE users
SET removed_name = coalesce(removed_name, name), name = id, disabled_at = coalesce(disabled_at, $3)
WHERE workspace_id = $1 AND id = $2;
