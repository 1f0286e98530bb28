-- Leasing. There is one writer at a time: what was read as pending still is when it is taken.

-- name: job_priority_below
-- The highest priority below $2 of which something of the kind is pending.
SELECT priority FROM processing_jobs
WHERE status = 'pending' AND kind = $1 AND priority < $2
ORDER BY priority DESC LIMIT 1;

-- name: job_due
SELECT id, workspace_id, upload_id, run_after FROM processing_jobs
WHERE status = 'pending' AND kind = $1 AND priority = $2 AND run_after <= $3
ORDER BY run_after, id LIMIT $4;

-- name: job_workspace_behind
-- The next workspace that has something of the kind pending.
SELECT workspace_id FROM processing_jobs
WHERE status = 'pending' AND kind = $1 AND workspace_id > $2
ORDER BY workspace_id LIMIT 1;

-- name: job_workspace_priority_below
SELECT priority FROM processing_jobs
WHERE status = 'pending' AND kind = $1 AND workspace_id = $2 AND priority < $3
ORDER BY priority DESC LIMIT 1;

-- name: job_workspace_due
SELECT id, workspace_id, upload_id, run_after FROM processing_jobs
WHERE status = 'pending' AND kind = $1 AND workspace_id = $2 AND priority = $3 AND run_after <= $4
ORDER BY run_after, id LIMIT $5;

-- name: job_leased_count
SELECT count(*) FROM processing_jobs WHERE status = 'leased' AND kind = $1;

-- name: job_leased_count_workspace
SELECT count(*) FROM processing_jobs WHERE status = 'leased' AND kind = $1 AND workspace_id = $2;

-- name: job_lease
UPDATE processing_jobs
SET status = 'leased', lease_token = lease_token + 1, lease_until = $2, leased_by = $3,
    attempts = attempts + 1, started_at = $4, progress = 0
WHERE id = $1 AND status = 'pending';

-- name: job_heartbeat
-- $3 NULL leaves the progress as it is; a lease is never made shorter.
UPDATE processing_jobs
SET lease_until = CASE WHEN lease_until > $2 THEN lease_until ELSE $2 END,
    progress = coalesce($3, progress)
WHERE id = $1 AND status = 'leased';

-- name: job_complete
UPDATE processing_jobs
SET status = 'completed', lease_until = NULL, progress = 1, result = $2, processing_time_ms = $3,
    completed_at = $4, from_cache = $5, error_code = NULL, error_message = NULL
WHERE id = $1 AND status = 'leased';

-- name: job_fail
UPDATE processing_jobs
SET status = 'failed', lease_until = NULL, error_code = $2, error_message = $3, completed_at = $4,
    processing_time_ms = $5
WHERE id = $1 AND status = 'leased';

-- name: job_try_later
UPDATE processing_jobs
SET status = 'pending', lease_until = NULL, error_code = $2, error_message = $3, run_after = $4
WHERE id = $1 AND status = 'leased';

-- name: job_give_back
-- As if it had not been leased, but for the fence.
UPDATE processing_jobs
SET status = 'pending', lease_until = NULL, attempts = attempts - 1, lease_token = lease_token + 1
WHERE id = $1 AND status = 'leased';

-- name: job_end_lease
-- Whoever held it is fenced off.
UPDATE processing_jobs SET lease_token = lease_token + 1 WHERE id = $1;

-- name: job_is_leased
SELECT count(*) FROM processing_jobs WHERE id = $1 AND status = 'leased' AND lease_token = $2;

-- name: job_expired
SELECT j.*, c.chunk_index, c.start_time, c.end_time
FROM processing_jobs j LEFT JOIN audio_chunks c ON c.id = j.chunk_id
WHERE j.status = 'leased' AND j.lease_until <= $1
ORDER BY j.lease_until LIMIT $2;
