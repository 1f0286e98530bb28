-- name: node_by_id
SELECT instance, host, lease_until FROM nodes WHERE id = $1;

-- name: node_start
INSERT INTO nodes (id, instance, host, started_at, lease_until) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET instance = excluded.instance, host = excluded.host,
                               started_at = excluded.started_at, lease_until = excluded.lease_until;

-- name: node_keep
UPDATE nodes SET lease_until = $3 WHERE id = $1 AND instance = $2;

-- name: node_alive
SELECT id FROM nodes WHERE lease_until > $1 ORDER BY lease_until LIMIT $2;

-- name: node_silent
-- Nodes whose lease ran out before $1, and that have left requests unfinished.
SELECT n.id FROM nodes n
WHERE n.lease_until < $1
  AND EXISTS (SELECT 1 FROM chunked_uploads s
              WHERE s.node_id = n.id AND s.status = 'initiated' AND s.kind = 'post')
ORDER BY n.lease_until LIMIT $2;

-- name: node_adopt
-- Requests of before there were nodes are of the first that starts.
UPDATE chunked_uploads SET node_id = $1
WHERE node_id IS NULL AND kind = 'post' AND status = 'initiated';

-- name: duty_take
INSERT INTO duties (name, instance, lease_until) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET instance = excluded.instance, lease_until = excluded.lease_until
WHERE duties.instance = excluded.instance OR duties.lease_until <= $4;

-- name: duty_held
SELECT count(*) FROM duties WHERE name = $1 AND instance = $2;

-- name: duty_leave
DELETE FROM duties WHERE name = $1 AND instance = $2;
