-- Uploads of one status, in the order of time: those that failed, or wait, or lie in the trash, are few among
-- many. Those that are done are left out, being most.
CREATE INDEX audio_uploads_by_status ON audio_uploads (workspace_id, status, uploaded_at, id)
    WHERE status <> 'completed';

-- What is counted is read from an index alone: the bytes in the trash, and the jobs of each kind that wait.
DROP INDEX audio_uploads_trash;
CREATE INDEX audio_uploads_trash ON audio_uploads (workspace_id, deleted_at, file_size)
    WHERE deleted_at IS NOT NULL;
DROP INDEX processing_jobs_status;
CREATE INDEX processing_jobs_status ON processing_jobs (workspace_id, status, id, kind);
