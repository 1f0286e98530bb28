-- name: idempotency_add
INSERT INTO idempotency_keys (workspace_id, user_id, key, fingerprint, resource_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: idempotency_find
SELECT fingerprint, resource_id FROM idempotency_keys
WHERE workspace_id = $1 AND user_id = $2 AND key = $3;

-- name: idempotency_forget
-- The lower bound, which all keep to, tells PostgreSQL that these are few: without it a third is expected, and
-- every row read.
DELETE FROM idempotency_keys
WHERE created_at < $1 AND created_at >= (SELECT min(created_at) FROM idempotency_keys);
