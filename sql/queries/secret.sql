-- name: secret_read
SELECT value FROM server_secrets WHERE name = $1;

-- name: secret_remove
DELETE FROM server_secrets WHERE name = $1;

-- name: secret_keep
INSERT INTO server_secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING;
