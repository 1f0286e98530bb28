-- Statements that give whole jobs give the table's columns in the order of the migrations, and behind
-- them where the job's chunk lies.

-- name: job_insert
INSERT INTO processing_jobs (id, workspace_id, upload_id, chunk_id, kind, status, belongs, needs,
                             needs_upload, priority, run_after, max_retries, options, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: job_by_id
SELECT j.*, c.chunk_index, c.start_time, c.end_time
FROM processing_jobs j LEFT JOIN audio_chunks c ON c.id = j.chunk_id
WHERE j.id = $1;

-- name: job_content
-- What a job is about: the upload's digest, and that of its chunk's file, where it has one.
SELECT u.checksum_sha256, c.checksum_sha256
FROM processing_jobs j JOIN audio_uploads u ON u.id = j.upload_id
     LEFT JOIN audio_chunks c ON c.id = j.chunk_id
WHERE j.id = $1;

-- name: job_list
-- Of a workspace, newest first, before the id $2.
SELECT j.*, c.chunk_index, c.start_time, c.end_time
FROM processing_jobs j LEFT JOIN audio_chunks c ON c.id = j.chunk_id
WHERE j.workspace_id = $1 AND j.id < $2 AND (j.kind = $3 OR $3 IS NULL)
ORDER BY j.id DESC LIMIT $4;

-- name: job_list_by_status
SELECT j.*, c.chunk_index, c.start_time, c.end_time
FROM processing_jobs j LEFT JOIN audio_chunks c ON c.id = j.chunk_id
WHERE j.workspace_id = $1 AND j.status = $5 AND j.id < $2 AND (j.kind = $3 OR $3 IS NULL)
ORDER BY j.id DESC LIMIT $4;

-- name: job_list_by_upload
-- $5 is a status, or NULL for any.
SELECT j.*, c.chunk_index, c.start_time, c.end_time
FROM processing_jobs j LEFT JOIN audio_chunks c ON c.id = j.chunk_id
WHERE j.workspace_id = $1 AND j.upload_id = $6 AND j.id < $2 AND (j.kind = $3 OR $3 IS NULL)
  AND (j.status = $5 OR $5 IS NULL)
ORDER BY j.id DESC LIMIT $4;

-- name: job_made_with
-- All that the request made that made $1.
SELECT j.*, c.chunk_index, c.start_time, c.end_time
FROM processing_jobs f
     JOIN processing_jobs j ON j.upload_id = f.upload_id AND j.kind = f.kind AND j.created_at = f.created_at
     LEFT JOIN audio_chunks c ON c.id = j.chunk_id
WHERE f.id = $1 AND f.workspace_id = $2
ORDER BY c.chunk_index, j.id LIMIT $3;

-- name: job_unfinished_of_kind
-- The jobs of a kind that an upload still waits for, one page behind the id $3.
SELECT id FROM processing_jobs
WHERE upload_id = $1 AND kind = $2 AND status IN ('waiting', 'pending', 'leased', 'failed') AND id > $3
ORDER BY id LIMIT $4;

-- name: job_under_way
-- The oldest job of a kind that an upload has and that may run now.
SELECT id FROM processing_jobs
WHERE upload_id = $1 AND kind = $2 AND status IN ('pending', 'leased') ORDER BY id LIMIT 1;

-- name: job_unfinished_of_chunk
-- The jobs of a chunk that are not done, one page behind the id $2.
SELECT id FROM processing_jobs
WHERE chunk_id = $1 AND status NOT IN ('completed', 'cancelled') AND id > $2
ORDER BY id LIMIT $3;

-- name: job_belonging_of_chunks
-- 1 if the upload's processing has, or had, a job of this kind of one of the chunks that there are.
SELECT count(*) FROM (
    SELECT 1 FROM processing_jobs
    WHERE upload_id = $1 AND kind = $2 AND belongs = 1 AND chunk_id IS NOT NULL LIMIT 1) AS found;

-- name: job_belonging_of_kind
-- 1 if the upload's processing has, or had, a job of this kind.
SELECT count(*) FROM (
    SELECT 1 FROM processing_jobs WHERE upload_id = $1 AND kind = $2 AND belongs = 1 LIMIT 1) AS found;

-- name: job_unfinished_belonging
-- 1 if the upload's processing is not done without a job of this kind.
SELECT count(*) FROM (
    SELECT 1 FROM processing_jobs
    WHERE upload_id = $1 AND kind = $2 AND belongs = 1 AND status NOT IN ('completed', 'cancelled')
    LIMIT 1) AS found;

-- name: job_completed_belonging
-- 1 if the upload's processing has a completed job of this kind.
SELECT count(*) FROM (
    SELECT 1 FROM processing_jobs
    WHERE upload_id = $1 AND kind = $2 AND belongs = 1 AND status = 'completed' LIMIT 1) AS found;

-- name: job_figures
-- How many jobs of each kind are not done, by status: each an index of those rows alone.
SELECT kind, 'waiting' AS status, count(*) FROM processing_jobs WHERE status = 'waiting' GROUP BY kind
UNION ALL
SELECT kind, 'pending', count(*) FROM processing_jobs WHERE status = 'pending' GROUP BY kind
UNION ALL
SELECT kind, 'leased', count(*) FROM processing_jobs WHERE status = 'leased' GROUP BY kind
UNION ALL
SELECT kind, 'failed', count(*) FROM processing_jobs WHERE status = 'failed' GROUP BY kind;

-- name: job_figures_workspace
-- The same of one workspace, where none need be left out: the order of its own index.
SELECT kind, status, count(*) FROM processing_jobs
WHERE workspace_id = $1 AND status IN ('waiting', 'pending', 'leased', 'failed')
GROUP BY kind, status;

-- ---- what waits for what ----

-- name: job_need_add
INSERT INTO processing_job_needs (needed_id, job_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: job_unfinished_whole
-- Of the upload's processing, about no chunk.
SELECT id FROM processing_jobs
WHERE upload_id = $1 AND kind = $2 AND belongs = 1 AND chunk_id IS NULL
  AND status IN ('waiting', 'pending', 'leased')
ORDER BY id LIMIT 1;

-- name: job_hold
-- Waits for $2 things more, whatever it was about to do; who held it is fenced off.
UPDATE processing_jobs
SET status = 'waiting', needs = needs + $2, lease_until = NULL, lease_token = lease_token + 1,
    progress = 0
WHERE id = $1 AND status IN ('waiting', 'pending', 'leased');

-- name: job_set_aside
-- It is done again: the upload does not go by these any more.
UPDATE processing_jobs SET belongs = 0
WHERE upload_id = $1 AND kind = $2 AND belongs = 1 AND chunk_id IS NULL;

-- name: job_release
-- One thing less to wait for, for all who wait for $1. Retries that are not due stay so.
UPDATE processing_jobs
SET needs = needs - 1,
    status = CASE WHEN needs = 1 AND status = 'waiting' THEN 'pending' ELSE status END
WHERE id IN (SELECT job_id FROM processing_job_needs WHERE needed_id = $1) AND needs > 0;

-- name: job_needs_remove
DELETE FROM processing_job_needs WHERE needed_id = $1;

-- name: job_release_upload
-- The same for those that wait for the upload to be completed.
UPDATE processing_jobs
SET needs = needs - 1, needs_upload = 0,
    status = CASE WHEN needs = 1 AND status = 'waiting' THEN 'pending' ELSE status END
WHERE upload_id = $1 AND needs_upload = 1;

-- name: job_waiting_for
-- Who waits for $1.
SELECT n.job_id FROM processing_job_needs n JOIN processing_jobs j ON j.id = n.job_id
WHERE n.needed_id = $1 AND j.status = 'waiting' ORDER BY n.job_id LIMIT $2;

-- name: job_waiting_for_chunks
-- Who, not being about a chunk itself, waits for jobs of kind $2 of the upload's chunks.
SELECT DISTINCT n.job_id
FROM processing_jobs j JOIN processing_job_needs n ON n.needed_id = j.id
     JOIN processing_jobs w ON w.id = n.job_id
WHERE j.upload_id = $1 AND j.kind = $2 AND j.belongs = 1 AND j.chunk_id IS NOT NULL
  AND w.status = 'waiting' AND w.chunk_id IS NULL
ORDER BY n.job_id LIMIT $3;

-- name: job_needs_more
UPDATE processing_jobs SET needs = needs + $2 WHERE id = $1 AND status = 'waiting';

-- name: job_needs_less
UPDATE processing_jobs
SET needs = needs - 1,
    status = CASE WHEN needs = 1 AND status = 'waiting' THEN 'pending' ELSE status END
WHERE id = $1 AND needs > 0;

-- ---- by hand ----

-- name: job_cancel
UPDATE processing_jobs
SET status = 'cancelled', lease_until = NULL, completed_at = $2, error_code = $3, error_message = $4
WHERE id = $1 AND status IN ('waiting', 'pending', 'leased');

-- name: job_cancel_upload
UPDATE processing_jobs
SET status = 'cancelled', lease_until = NULL, completed_at = $2, error_code = $3, error_message = $4
WHERE upload_id = $1 AND status IN ('waiting', 'pending', 'leased');

-- name: job_revive_upload
-- Those that were cancelled for reason $3 are as they were, leases aside.
UPDATE processing_jobs
SET status = CASE WHEN needs > 0 THEN 'waiting' ELSE 'pending' END, completed_at = NULL,
    error_code = NULL, error_message = NULL, progress = 0, run_after = $2,
    lease_token = lease_token + 1
WHERE upload_id = $1 AND status = 'cancelled' AND error_code = $3;

-- name: job_retry
UPDATE processing_jobs
SET status = CASE WHEN needs > 0 THEN 'waiting' ELSE 'pending' END, attempts = 0, run_after = $2,
    completed_at = NULL, error_code = NULL, error_message = NULL, progress = 0,
    lease_token = lease_token + 1
WHERE id = $1 AND status = 'failed';

-- name: job_failed_of_upload
SELECT j.*, c.chunk_index, c.start_time, c.end_time
FROM processing_jobs j LEFT JOIN audio_chunks c ON c.id = j.chunk_id
WHERE j.upload_id = $1 AND j.belongs = 1 AND j.status NOT IN ('completed', 'cancelled')
  AND j.status = 'failed'
ORDER BY j.id LIMIT $2;

-- ---- old ones ----

-- name: job_forget
-- At most $2 that ended before $1. What an upload that is not done, or is in the trash, goes on from
-- stays with it; so does what others wait for.
DELETE FROM processing_jobs WHERE id IN (
    SELECT j.id FROM processing_jobs j LEFT JOIN audio_uploads u ON u.id = j.upload_id
    WHERE j.status IN ('completed', 'failed', 'cancelled') AND j.completed_at < $1
      AND (u.id IS NULL
           OR (u.deleted_at IS NULL
               AND (j.belongs = 0 OR u.status NOT IN ('uploaded', 'validating', 'processing', 'failed'))))
      AND NOT EXISTS (SELECT 1 FROM processing_job_needs n WHERE n.needed_id = j.id)
    ORDER BY j.completed_at LIMIT $2);

-- ---- pauses ----

-- name: job_pause
INSERT INTO processing_job_pauses (kind, scope, paused_at, paused_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (kind, scope) DO NOTHING;

-- name: job_resume
DELETE FROM processing_job_pauses WHERE kind = $1 AND scope = $2;

-- name: job_pauses
SELECT kind, scope, paused_at FROM processing_job_pauses ORDER BY kind, scope;
