-- The status of an upload as its jobs go on. Each is a step that is taken once: a statement that
-- touches no row found the upload past it, archived, or in the trash.

-- name: upload_validating
UPDATE audio_uploads
SET status = 'validating', validation_started_at = $2, validation_completed_at = NULL, updated_at = $2
WHERE id = $1 AND status = 'uploaded';

-- name: upload_validated
UPDATE audio_uploads
SET status = 'processing', validation_completed_at = $2,
    processing_started_at = coalesce(processing_started_at, $2), updated_at = $2
WHERE id = $1 AND status = 'validating';

-- name: upload_processing
UPDATE audio_uploads
SET status = 'processing', processing_started_at = coalesce(processing_started_at, $2), updated_at = $2
WHERE id = $1 AND status = 'uploaded';

-- name: upload_completed
-- Once nothing is left to do, and something was done.
UPDATE audio_uploads
SET status = 'completed', processing_started_at = coalesce(processing_started_at, $2),
    processing_completed_at = $2, error_code = NULL, error_message = NULL, updated_at = $2
WHERE id = $1 AND status IN ('uploaded', 'validating', 'processing')
  AND NOT EXISTS (SELECT 1 FROM processing_jobs
                  WHERE upload_id = $1 AND belongs = 1 AND status NOT IN ('completed', 'cancelled'))
  AND EXISTS (SELECT 1 FROM processing_jobs
              WHERE upload_id = $1 AND belongs = 1 AND status = 'completed');

-- name: upload_failed
UPDATE audio_uploads
SET status = 'failed', error_code = $2, error_message = $3, processing_completed_at = $4,
    updated_at = $4
WHERE id = $1 AND status IN ('uploaded', 'validating', 'processing');

-- name: upload_reopen
-- A failed one of which no job is failed any more.
UPDATE audio_uploads
SET status = CASE WHEN validation_completed_at IS NOT NULL OR processing_started_at IS NOT NULL
                  THEN 'processing' ELSE 'uploaded' END,
    processing_completed_at = NULL, error_code = NULL, error_message = NULL, updated_at = $2
WHERE id = $1 AND status = 'failed'
  AND NOT EXISTS (SELECT 1 FROM processing_jobs
                  WHERE upload_id = $1 AND belongs = 1 AND status NOT IN ('completed', 'cancelled')
                    AND status = 'failed');

-- name: upload_resumed
-- A completed one that has jobs again.
UPDATE audio_uploads SET status = 'processing', processing_completed_at = NULL, updated_at = $2
WHERE id = $1 AND status = 'completed'
  AND EXISTS (SELECT 1 FROM processing_jobs
              WHERE upload_id = $1 AND belongs = 1 AND status NOT IN ('completed', 'cancelled'));

-- name: upload_retried
-- One of its jobs is tried again for the $2th time: the most that there are of one job count.
UPDATE audio_uploads
SET retry_count = CASE WHEN retry_count < $2 THEN $2 ELSE retry_count END, updated_at = $3
WHERE id = $1;

-- name: upload_retried_by_hand
UPDATE audio_uploads SET retry_count = retry_count + 1, updated_at = $2 WHERE id = $1;

-- name: upload_undelete_unvalidated
-- Back from the trash: what was being done begins anew.
UPDATE audio_uploads SET status = 'uploaded', validation_started_at = NULL
WHERE id = $1 AND status = 'validating';

-- name: chunk_processing
UPDATE audio_chunks
SET status = 'processing', processing_started_at = $2, processing_completed_at = NULL,
    processing_job_id = $3
WHERE id = $1;

-- name: chunk_completed
-- Once no job of it is left.
UPDATE audio_chunks
SET status = 'completed', processing_completed_at = $2,
    processing_time_ms = coalesce(processing_time_ms, 0) + $3, processing_job_id = $4
WHERE id = $1 AND status <> 'failed'
  AND NOT EXISTS (SELECT 1 FROM processing_jobs
                  WHERE chunk_id = $1 AND belongs = 1 AND status IN ('waiting', 'pending', 'leased', 'failed'));

-- name: chunk_failed
UPDATE audio_chunks
SET status = 'failed', processing_completed_at = $2,
    processing_time_ms = coalesce(processing_time_ms, 0) + $3, processing_job_id = $4
WHERE id = $1;

-- name: chunk_pending
UPDATE audio_chunks
SET status = 'pending', processing_started_at = NULL, processing_completed_at = NULL WHERE id = $1;

-- name: chunks_being_cut
-- Those of an upload that have no file yet.
UPDATE audio_chunks
SET status = 'processing', processing_started_at = $2, processing_completed_at = NULL,
    processing_job_id = $3
WHERE upload_id = $1 AND chunk_path IS NULL AND status IN ('pending', 'failed');

-- name: chunks_to_be_cut
-- What the job $2 was about to cut, or did not and is to, or has cut and others have still to do with.
UPDATE audio_chunks
SET status = 'pending', processing_started_at = NULL, processing_completed_at = NULL
WHERE upload_id = $1 AND processing_job_id = $2 AND status IN ('processing', 'failed');

-- name: chunks_not_cut
UPDATE audio_chunks
SET status = 'failed', processing_completed_at = $3, processing_time_ms = $4
WHERE upload_id = $1 AND processing_job_id = $2 AND status = 'processing';

-- name: chunks_cut
-- All of them; but what others still have to do with a chunk is not done because it was cut.
UPDATE audio_chunks
SET status = 'completed', processing_started_at = $3, processing_completed_at = $4,
    processing_job_id = $2
WHERE upload_id = $1
  AND NOT EXISTS (SELECT 1 FROM processing_jobs
                  WHERE chunk_id = audio_chunks.id AND belongs = 1
                    AND status NOT IN ('completed', 'cancelled'));
