-- The queue: jobs that are leased, wait for others, and move the status of their upload. The table is
-- made anew, as SQLite cannot change a check.

CREATE TABLE processing_jobs_2 (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    upload_id TEXT REFERENCES audio_uploads (id) ON DELETE CASCADE,
    chunk_id TEXT REFERENCES audio_chunks (id) ON DELETE CASCADE, -- of a job for one chunk
    kind TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN
        ('waiting', 'pending', 'leased', 'completed', 'failed', 'cancelled')),
    belongs INTEGER NOT NULL DEFAULT 0 CHECK (belongs IN (0, 1)), -- to what completes the upload
    needs INTEGER NOT NULL DEFAULT 0 CHECK (needs >= 0), -- how many things it still waits for
    needs_upload INTEGER NOT NULL DEFAULT 0 CHECK (needs_upload IN (0, 1)), -- one is the upload itself
    priority INTEGER NOT NULL DEFAULT 0, -- higher first
    run_after INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_retries INTEGER NOT NULL DEFAULT 3 CHECK (max_retries >= 0),
    options TEXT NOT NULL DEFAULT '{}', -- JSON
    lease_token INTEGER NOT NULL DEFAULT 0, -- the fence: counts leases, and what ended one
    lease_until INTEGER,
    leased_by TEXT, -- the last who held it
    progress REAL NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    result TEXT, -- JSON
    error_code TEXT, -- of the last failure, or why it was cancelled
    error_message TEXT,
    processing_time_ms INTEGER CHECK (processing_time_ms >= 0), -- of the attempt that completed it
    created_at INTEGER NOT NULL,
    started_at INTEGER, -- the last attempt
    completed_at INTEGER, -- or failed, or was cancelled
    CHECK ((status = 'leased') = (lease_until IS NOT NULL)),
    CHECK (status <> 'waiting' OR needs > 0)
);
INSERT INTO processing_jobs_2 (id, workspace_id, upload_id, kind, status, belongs, priority, run_after,
                               attempts, max_retries, options, error_code, error_message, created_at,
                               started_at, completed_at)
SELECT id, workspace_id, upload_id, kind, status, 1, priority, run_after, attempts, max_retries, options,
       error_code, error_message, created_at, started_at, completed_at
FROM processing_jobs;
DROP TABLE processing_jobs;
ALTER TABLE processing_jobs_2 RENAME TO processing_jobs;

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

-- Which job waits for which. A row goes when what it waits for is completed.
CREATE TABLE processing_job_needs (
    needed_id TEXT NOT NULL REFERENCES processing_jobs (id) ON DELETE CASCADE,
    job_id TEXT NOT NULL REFERENCES processing_jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (needed_id, job_id)
) WITHOUT ROWID;
CREATE INDEX processing_job_needs_job ON processing_job_needs (job_id);

-- Kinds of which nothing is leased for the time being.
CREATE TABLE processing_job_pauses (
    kind TEXT NOT NULL,
    scope TEXT NOT NULL, -- a workspace's id, or 'all'
    paused_at INTEGER NOT NULL,
    paused_by TEXT, -- a user; NULL: the operator
    PRIMARY KEY (kind, scope)
) WITHOUT ROWID;
