-- name: user_insert
INSERT INTO users (id, workspace_id, name, created_at) VALUES ($1, $2, $3, $4);

-- name: user_by_id
SELECT id, workspace_id, name, created_at, disabled_at FROM users
WHERE workspace_id = $1 AND id = $2;

-- name: user_first
-- Ids sort by the time they were made.
SELECT id FROM users WHERE workspace_id = $1 ORDER BY id LIMIT 1;

-- name: user_list
SELECT id, workspace_id, name, created_at, disabled_at FROM users
WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3;
