-- The queue: jobs that are leased, wait for others, and move the status of their upload. Columns stand
-- in SQLite's order: statements give whole rows.

CREATE TABLE processing_jobs (
    id UUID NOT NULL PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    upload_id UUID REFERENCES audio_uploads (id) ON DELETE CASCADE,
    chunk_id UUID REFERENCES audio_chunks (id) ON DELETE CASCADE,
    kind TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL DEFAULT 'pending' CHECK (status IN
        ('waiting', 'pending', 'leased', 'completed', 'failed', 'cancelled')),
    belongs SMALLINT NOT NULL DEFAULT 0 CHECK (belongs IN (0, 1)),
    needs BIGINT NOT NULL DEFAULT 0 CHECK (needs >= 0),
    needs_upload SMALLINT NOT NULL DEFAULT 0 CHECK (needs_upload IN (0, 1)),
    priority BIGINT NOT NULL DEFAULT 0,
    run_after TIMESTAMPTZ NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_retries BIGINT NOT NULL DEFAULT 3 CHECK (max_retries >= 0),
    options JSONB NOT NULL DEFAULT '{}',
    lease_token BIGINT NOT NULL DEFAULT 0,
    lease_until TIMESTAMPTZ,
    leased_by TEXT,
    progress DECIMAL(10,3) NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    result JSONB,
    error_code TEXT,
    error_message TEXT,
    processing_time_ms BIGINT CHECK (processing_time_ms >= 0),
    created_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ,
    CHECK ((status = 'leased') = (lease_until IS NOT NULL)),
    CHECK (status <> 'waiting' OR needs > 0)
);
COMMENT ON TABLE processing_jobs IS 'What is done with uploads and chunks, by us and by others';
COMMENT ON COLUMN processing_jobs.chunk_id IS 'of a job for one chunk';
COMMENT ON COLUMN processing_jobs.belongs IS '1: to what completes the upload';
COMMENT ON COLUMN processing_jobs.needs IS 'how many things it still waits for';
COMMENT ON COLUMN processing_jobs.needs_upload IS '1: one of them is the upload itself';
COMMENT ON COLUMN processing_jobs.priority IS 'higher first';
COMMENT ON COLUMN processing_jobs.lease_token IS 'the fence: counts leases, and what ended one';
COMMENT ON COLUMN processing_jobs.leased_by IS 'the last who held it';
COMMENT ON COLUMN processing_jobs.error_code IS 'of the last failure, or why it was cancelled';
COMMENT ON COLUMN processing_jobs.processing_time_ms IS 'of the attempt that completed it';
COMMENT ON COLUMN processing_jobs.started_at IS 'the last attempt';
COMMENT ON COLUMN processing_jobs.completed_at IS 'or failed, or was cancelled';

CREATE INDEX processing_jobs_workspace ON processing_jobs (workspace_id, id);
CREATE INDEX processing_jobs_status ON processing_jobs (workspace_id, status, id);
CREATE INDEX processing_jobs_upload ON processing_jobs (upload_id, kind, status);
CREATE INDEX processing_jobs_chunk ON processing_jobs (chunk_id) WHERE chunk_id IS NOT NULL;
-- What is to be leased, of all workspaces and of one: the walk begins at what is due.
CREATE INDEX processing_jobs_due ON processing_jobs (kind, priority, run_after, id)
    WHERE status = 'pending';
CREATE INDEX processing_jobs_due_workspace
    ON processing_jobs (kind, workspace_id, priority, run_after, id) WHERE status = 'pending';
-- What is leased: as many rows as there are workers.
CREATE INDEX processing_jobs_leased ON processing_jobs (kind, workspace_id) WHERE status = 'leased';
CREATE INDEX processing_jobs_expiry ON processing_jobs (lease_until) WHERE status = 'leased';
CREATE INDEX processing_jobs_failed ON processing_jobs (kind) WHERE status = 'failed';
-- What has ended, the oldest first: it is removed after a while.
CREATE INDEX processing_jobs_ended ON processing_jobs (completed_at)
    WHERE status IN ('completed', 'failed', 'cancelled');
CREATE INDEX processing_jobs_waiting ON processing_jobs (kind) WHERE status = 'waiting';
-- What an upload is not done without: empty when it is done.
CREATE INDEX processing_jobs_unfinished ON processing_jobs (upload_id, kind, status)
    WHERE belongs = 1 AND status NOT IN ('completed', 'cancelled');

CREATE TABLE processing_job_needs (
    needed_id UUID NOT NULL REFERENCES processing_jobs (id) ON DELETE CASCADE,
    job_id UUID NOT NULL REFERENCES processing_jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (needed_id, job_id)
);
CREATE INDEX processing_job_needs_job ON processing_job_needs (job_id);
COMMENT ON TABLE processing_job_needs IS
    'Which job waits for which. A row goes when what it waits for is completed';

CREATE TABLE processing_job_pauses (
    kind TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    paused_at TIMESTAMPTZ NOT NULL,
    paused_by UUID,
    PRIMARY KEY (kind, scope)
);
COMMENT ON TABLE processing_job_pauses IS 'Kinds of which nothing is leased for the time being';
COMMENT ON COLUMN processing_job_pauses.scope IS 'a workspace''s id, or ''all''';
COMMENT ON COLUMN processing_job_pauses.paused_by IS 'a user; NULL: the operator';
