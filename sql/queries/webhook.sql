-- name: webhook_insert
INSERT INTO webhooks (id, workspace_id, url, description, event_types, secret, enabled, from_sequence,
                      created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9);

-- name: webhook_count
SELECT count(*) FROM webhooks WHERE workspace_id = $1 AND removed_at IS NULL;

-- name: webhook_by_id
SELECT id, workspace_id, url, description, event_types, secret, previous_secret,
       previous_secret_expires_at, enabled, from_sequence, created_at, updated_at
FROM webhooks WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL;

-- name: webhook_list
SELECT id, workspace_id, url, description, event_types, secret, previous_secret,
       previous_secret_expires_at, enabled, from_sequence, created_at, updated_at
FROM webhooks WHERE workspace_id = $1 AND id > $2 AND removed_at IS NULL ORDER BY id LIMIT $3;

-- name: webhook_told
-- All that are told of events, of workspaces that still are.
SELECT h.id, h.workspace_id, h.url, h.description, h.event_types, h.secret, h.previous_secret,
       h.previous_secret_expires_at, h.enabled, h.from_sequence, h.created_at, h.updated_at
FROM webhooks h JOIN workspaces w ON w.id = h.workspace_id
WHERE h.enabled = $1 AND h.removed_at IS NULL AND w.deleted_at IS NULL ORDER BY h.id;

-- name: webhook_change
UPDATE webhooks
SET url = $3, description = $4, event_types = $5, secret = $6, previous_secret = $7,
    previous_secret_expires_at = $8, enabled = $9, from_sequence = $10, updated_at = $11
WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL;

-- name: webhook_remove
-- Its deliveries may be many, and others write as well: they go page by page, with the sweep.
UPDATE webhooks
SET removed_at = $3, secret = $4, previous_secret = NULL, previous_secret_expires_at = NULL
WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL;

-- name: webhook_remove_all
UPDATE webhooks
SET removed_at = $2, secret = $3, previous_secret = NULL, previous_secret_expires_at = NULL
WHERE workspace_id = $1 AND removed_at IS NULL;

-- name: webhook_forget
-- Those that were removed, once their deliveries are gone.
DELETE FROM webhooks
WHERE removed_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = webhooks.id);

-- name: delivery_due
-- Those that may go out, the first first.
SELECT id, webhook_id, workspace_id, upload_id, event_sequence, event_type, event_data, event_at, lane,
       status, attempts, next_attempt_at, retry_until, last_attempt_at, duration_ms, response_status,
       error, created_at
FROM webhook_deliveries
WHERE webhook_id = $1 AND next_attempt_at IS NOT NULL ORDER BY next_attempt_at LIMIT $2;

-- name: delivery_attempted
UPDATE webhook_deliveries
SET status = $2, attempts = attempts + 1, next_attempt_at = $3, last_attempt_at = $4, duration_ms = $5,
    response_status = $6, error = $7, retry_until = $8
WHERE id = $1 AND status = 'pending';

-- name: delivery_follow
-- The next of a lane, once the one before it has ended.
UPDATE webhook_deliveries SET next_attempt_at = $3
WHERE next_attempt_at IS NULL AND id = (
    SELECT id FROM webhook_deliveries WHERE webhook_id = $1 AND lane = $2 AND status = 'pending'
    ORDER BY event_sequence LIMIT 1);

-- name: delivery_again
-- By hand, and so outside the order.
UPDATE webhook_deliveries
SET status = 'pending', lane = id, attempts = 0, next_attempt_at = $3, retry_until = $4
WHERE webhook_id = $1 AND id = $2 AND status <> 'pending';

-- name: delivery_hurry
UPDATE webhook_deliveries SET next_attempt_at = $3
WHERE webhook_id = $1 AND id = $2 AND next_attempt_at IS NOT NULL;

-- name: delivery_by_id
SELECT id, webhook_id, workspace_id, upload_id, event_sequence, event_type, event_data, event_at, lane,
       status, attempts, next_attempt_at, retry_until, last_attempt_at, duration_ms, response_status,
       error, created_at
FROM webhook_deliveries WHERE webhook_id = $1 AND id = $2;

-- name: delivery_list
-- The newest first.
SELECT id, webhook_id, workspace_id, upload_id, event_sequence, event_type, event_data, event_at, lane,
       status, attempts, next_attempt_at, retry_until, last_attempt_at, duration_ms, response_status,
       error, created_at
FROM webhook_deliveries
WHERE webhook_id = $1 AND id < $2 AND ($3 = '' OR status = $3) ORDER BY id DESC LIMIT $4;

-- name: delivery_backlog
SELECT count(*) FROM webhook_deliveries WHERE status = 'pending';

-- name: delivery_forget
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT id FROM webhook_deliveries WHERE id < $1 AND status <> 'pending' ORDER BY id LIMIT $2);
