-- What is about to be leased: the same as job_due and job_workspace_due.

-- name: job_take_due
SELECT id, workspace_id, upload_id, run_after FROM processing_jobs
WHERE status = 'pending' AND kind = $1 AND priority = $2 AND run_after <= $3
ORDER BY run_after, id LIMIT $4;

-- name: job_take_workspace_due
SELECT id, workspace_id, upload_id, run_after FROM processing_jobs
WHERE status = 'pending' AND kind = $1 AND workspace_id = $2 AND priority = $3 AND run_after <= $4
ORDER BY run_after, id LIMIT $5;

-- name: job_take_companions
-- What else of the upload is due of a kind; what was asked for does not go with what was not ($5), as
-- one fails with the other. So what is tried again is tried alone: it may have failed with the others,
-- or they with it.
SELECT id, workspace_id, upload_id, run_after FROM processing_jobs
WHERE upload_id = $1 AND kind = $2 AND status = 'pending' AND run_after <= $3
  AND error_code IS NULL
  AND belongs = (SELECT belongs FROM processing_jobs WHERE id = $5 AND error_code IS NULL)
ORDER BY run_after, id LIMIT $4;
