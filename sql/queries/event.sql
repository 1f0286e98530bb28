-- name: event_last
-- The newest number given, though its event may be gone.
SELECT max(sequence) FROM (
    SELECT max(sequence) AS sequence FROM events
    UNION ALL SELECT sequence FROM event_positions WHERE name = 'removed') AS ends;

-- name: event_list
SELECT sequence, workspace_id, upload_id, type, subject_id, subject, old_status, status, error_code,
       created_at
FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $2;

-- name: event_position
SELECT sequence FROM event_positions WHERE name = $1;

-- name: event_advance
UPDATE event_positions SET sequence = $2 WHERE name = $1 AND sequence < $2;

-- name: event_old
-- Up to where the $2 oldest are older than $1; NULL if none is.
SELECT max(sequence) FROM (
    SELECT sequence, created_at FROM events
    WHERE sequence > (SELECT sequence FROM event_positions WHERE name = 'removed')
    ORDER BY sequence LIMIT $2) AS oldest
WHERE created_at < $1;

-- name: event_remove
DELETE FROM events WHERE sequence <= $1;
