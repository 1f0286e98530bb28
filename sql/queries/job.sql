-- name: job_insert
INSERT INTO processing_jobs (id, workspace_id, upload_id, kind, max_retries, run_after, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);
