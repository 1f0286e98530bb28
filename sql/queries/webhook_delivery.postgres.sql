-- Making deliveries: the values beside a SELECT's columns have no type of their own, and the engines
-- name that of a time otherwise.

-- name: delivery_insert
-- To be sent at once, unless an earlier one of its lane still waits. Nothing if the webhook is gone.
INSERT INTO webhook_deliveries (id, webhook_id, workspace_id, upload_id, event_sequence, event_type,
                                event_data, event_at, lane, next_attempt_at, retry_until, created_at)
SELECT $1, h.id, h.workspace_id, $3, CAST($4 AS BIGINT), $5, $6, CAST($7 AS TIMESTAMPTZ), $8,
       CASE WHEN EXISTS (SELECT 1 FROM webhook_deliveries e
                         WHERE e.webhook_id = $2 AND e.lane = $8 AND e.status = 'pending')
            THEN NULL ELSE CAST($10 AS TIMESTAMPTZ) END,
       CAST($9 AS TIMESTAMPTZ), CAST($10 AS TIMESTAMPTZ)
FROM webhooks h WHERE h.id = $2 AND h.removed_at IS NULL;

-- name: delivery_forget_removed
-- Of webhooks that were removed, however they stand; each webhook's by their index.
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT d.id FROM webhooks h CROSS JOIN LATERAL (
        SELECT id FROM webhook_deliveries WHERE webhook_id = h.id ORDER BY id LIMIT $1) d
    WHERE h.removed_at IS NOT NULL LIMIT $1);
