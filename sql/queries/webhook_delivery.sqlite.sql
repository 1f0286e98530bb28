-- Making deliveries: the values beside a SELECT's columns have no type of their own, and the engines
-- name that of a time otherwise.

-- name: delivery_insert
-- To be sent at once, unless an earlier one of its lane still waits. Nothing if the webhook is gone.
INSERT INTO webhook_deliveries (id, webhook_id, workspace_id, upload_id, event_sequence, event_type,
                                event_data, event_at, lane, next_attempt_at, retry_until, created_at)
SELECT $1, h.id, h.workspace_id, $3, CAST($4 AS BIGINT), $5, $6, CAST($7 AS BIGINT), $8,
       CASE WHEN EXISTS (SELECT 1 FROM webhook_deliveries e
                         WHERE e.webhook_id = $2 AND e.lane = $8 AND e.status = 'pending')
            THEN NULL ELSE CAST($10 AS BIGINT) END,
       CAST($9 AS BIGINT), CAST($10 AS BIGINT)
FROM webhooks h WHERE h.id = $2 AND h.removed_at IS NULL;

-- name: delivery_forget_removed
-- Of webhooks that were removed, however they stand.
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT d.id FROM webhooks h JOIN webhook_deliveries d ON d.webhook_id = h.id
    WHERE h.removed_at IS NOT NULL LIMIT $1);
