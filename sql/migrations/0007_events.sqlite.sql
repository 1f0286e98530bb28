-- What happens to uploads, chunks and jobs, for those who watch: the event log, and webhooks that are
-- told of it.

-- The log is written by triggers, in the transaction of the change itself: whoever changes a status, and
-- however, it is in the log, or neither is. SEQUENCE only grows and is never given twice (AUTOINCREMENT),
-- and who has seen one will see none below it any more: there is one writer, so the numbers become
-- visible in their order.
--
-- PostgreSQL gives numbers in the order of asking, not of committing: a reader could pass over one that
-- commits late. There the trigger's function has to take pg_advisory_xact_lock before nextval, and so
-- hold it until the commit.
--
-- A migration that makes one of these tables anew must make its triggers anew too (DROP TABLE takes them
-- along). They name no status: new ones need nothing here.
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id TEXT NOT NULL,
    upload_id TEXT, -- NULL: of a job without one
    type TEXT NOT NULL,
    subject_id TEXT, -- the chunk or the job; of a new upload, whose content it shares
    subject TEXT, -- the chunk's index, the job's kind
    old_status TEXT,
    status TEXT, -- NULL: it is gone
    error_code TEXT,
    created_at INTEGER NOT NULL -- by the database's clock, to the millisecond
);

CREATE TRIGGER audio_uploads_created AFTER INSERT ON audio_uploads BEGIN
    INSERT INTO events (workspace_id, upload_id, type, subject_id, status, created_at)
    VALUES (NEW.workspace_id, NEW.id, 'upload.created', NEW.duplicate_of, NEW.status,
            CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) * 1000);
END;

-- Into the trash and out of it too: deleted_at and the status change together.
CREATE TRIGGER audio_uploads_status AFTER UPDATE OF status ON audio_uploads
WHEN OLD.status <> NEW.status BEGIN
    INSERT INTO events (workspace_id, upload_id, type, old_status, status, error_code, created_at)
    VALUES (NEW.workspace_id, NEW.id,
            CASE WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL THEN 'upload.deleted'
                 WHEN OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL THEN 'upload.undeleted'
                 ELSE 'upload.status' END,
            OLD.status, NEW.status, NEW.error_code,
            CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) * 1000);
END;

CREATE TRIGGER audio_uploads_purged AFTER DELETE ON audio_uploads BEGIN
    INSERT INTO events (workspace_id, upload_id, type, old_status, created_at)
    VALUES (OLD.workspace_id, OLD.id, 'upload.purged', OLD.status,
            CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) * 1000);
END;

CREATE TRIGGER audio_chunks_status AFTER UPDATE OF status ON audio_chunks
WHEN OLD.status <> NEW.status BEGIN
    INSERT INTO events (workspace_id, upload_id, type, subject_id, subject, old_status, status,
                        created_at)
    SELECT workspace_id, NEW.upload_id, 'chunk.status', NEW.id, NEW.chunk_index, OLD.status, NEW.status,
           CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) * 1000
    FROM audio_uploads WHERE id = NEW.upload_id;
END;

CREATE TRIGGER processing_jobs_status AFTER UPDATE OF status ON processing_jobs
WHEN OLD.status <> NEW.status BEGIN
    INSERT INTO events (workspace_id, upload_id, type, subject_id, subject, old_status, status,
                        error_code, created_at)
    VALUES (NEW.workspace_id, NEW.upload_id, 'job.status', NEW.id, NEW.kind, OLD.status, NEW.status,
            NEW.error_code, CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) * 1000);
END;

-- How far something has come along the log.
CREATE TABLE event_positions (
    name TEXT NOT NULL PRIMARY KEY, -- 'removed': up to it events are gone; 'webhooks': deliveries are made
    sequence INTEGER NOT NULL
);
INSERT INTO event_positions (name, sequence) VALUES ('removed', 0), ('webhooks', 0);

CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    url TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    event_types TEXT NOT NULL DEFAULT '', -- with commas; '': all
    secret BLOB NOT NULL, -- signs what is sent, and so is kept as it is
    previous_secret BLOB, -- signs too until it expires
    previous_secret_expires_at INTEGER,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    from_sequence INTEGER NOT NULL, -- it is told of events behind this one
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    removed_at INTEGER, -- then it is not there any more; the sweep takes it away with its deliveries
    CHECK ((previous_secret IS NULL) = (previous_secret_expires_at IS NULL))
);
CREATE INDEX webhooks_workspace ON webhooks (workspace_id, id) WHERE removed_at IS NULL;
CREATE INDEX webhooks_removed ON webhooks (id) WHERE removed_at IS NOT NULL;

-- What is to be told to a webhook, and how it went. Deliveries of one lane go out one after the other:
-- the next has no time for its attempt (NULL) before the earlier one is delivered or dead.
CREATE TABLE webhook_deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id),
    workspace_id TEXT NOT NULL,
    upload_id TEXT,
    event_sequence INTEGER, -- NULL: of no event, a test
    event_type TEXT NOT NULL,
    event_data TEXT NOT NULL, -- a JSON object; the event itself may be gone
    event_at INTEGER NOT NULL,
    lane TEXT NOT NULL, -- the upload's id; the delivery's own for one outside the order
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at INTEGER,
    retry_until INTEGER NOT NULL, -- a failure behind it is the last
    last_attempt_at INTEGER,
    duration_ms INTEGER, -- of the last attempt
    response_status INTEGER, -- of the last attempt; NULL: no answer
    error TEXT, -- of the last attempt; NULL: it went well
    created_at INTEGER NOT NULL,
    CHECK (status = 'pending' OR next_attempt_at IS NULL)
);
CREATE INDEX webhook_deliveries_list ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_due
    ON webhook_deliveries (webhook_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_lane
    ON webhook_deliveries (webhook_id, lane, event_sequence) WHERE status = 'pending';
