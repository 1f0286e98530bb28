-- name: token_insert
INSERT INTO api_tokens (id, user_id, workspace_id, role, name, prefix, token_hash, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: token_authenticate
-- Everything that makes a token good, in one look.
SELECT t.id, t.user_id, t.workspace_id, t.role, t.name, t.prefix, t.created_at, t.last_used_at,
       t.expires_at, t.revoked_at
FROM api_tokens t
LEFT JOIN users u ON u.id = t.user_id
LEFT JOIN workspaces w ON w.id = t.workspace_id
WHERE t.token_hash = $1
  AND t.revoked_at IS NULL
  AND (t.expires_at IS NULL OR t.expires_at > $2)
  AND (t.role = 'operator' OR (u.disabled_at IS NULL AND w.deleted_at IS NULL));

-- name: token_touch
UPDATE api_tokens SET last_used_at = $2 WHERE id = $1;

-- name: token_by_id
SELECT id, user_id, workspace_id, role, name, prefix, created_at, last_used_at, expires_at, revoked_at
FROM api_tokens WHERE workspace_id = $1 AND id = $2;

-- name: token_list
SELECT id, user_id, workspace_id, role, name, prefix, created_at, last_used_at, expires_at, revoked_at
FROM api_tokens WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: token_revoke
UPDATE api_tokens SET revoked_at = coalesce(revoked_at, $3) WHERE workspace_id = $1 AND id = $2;

-- name: token_revoke_user
UPDATE api_tokens SET revoked_at = $3
WHERE workspace_id = $1 AND user_id = $2 AND revoked_at IS NULL;

-- name: token_operator_by_id
SELECT id, user_id, workspace_id, role, name, prefix, created_at, last_used_at, expires_at, revoked_at
FROM api_tokens WHERE workspace_id IS NULL AND id = $1;

-- name: token_operator_list
SELECT id, user_id, workspace_id, role, name, prefix, created_at, last_used_at, expires_at, revoked_at
FROM api_tokens WHERE workspace_id IS NULL AND id > $1 ORDER BY id LIMIT $2;

-- name: token_operator_revoke
UPDATE api_tokens SET revoked_at = coalesce(revoked_at, $2) WHERE workspace_id IS NULL AND id = $1;

-- name: token_operator_revoke_hash
UPDATE api_tokens SET revoked_at = $2
WHERE token_hash = $1 AND workspace_id IS NULL AND revoked_at IS NULL;

-- name: token_operator_revoke_all
UPDATE api_tokens SET revoked_at = $1 WHERE workspace_id IS NULL AND revoked_at IS NULL;

-- name: token_is_good
-- Gives a row, as token_authenticate, of one that was good before.
SELECT t.id
FROM api_tokens t
LEFT JOIN users u ON u.id = t.user_id
LEFT JOIN workspaces w ON w.id = t.workspace_id
WHERE t.id = $1
  AND t.revoked_at IS NULL
  AND (t.expires_at IS NULL OR t.expires_at > $2)
  AND (t.role = 'operator' OR (u.disabled_at IS NULL AND w.deleted_at IS NULL));
