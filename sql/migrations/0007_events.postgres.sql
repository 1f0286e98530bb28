-- What happens to uploads, chunks and jobs, for those who watch: the event log, and webhooks that are
-- told of it.

-- The log is written by triggers, in the transaction of the change itself: whoever changes a status, and
-- however, it is in the log, or neither is. Who has seen one event will see none of a lower number any
-- more. Numbers are given in the order of asking, not of committing, so whoever asks for one holds a
-- lock until the commit. The server's own transactions run one at a time anyway; the lock is for what a
-- person does with psql.
CREATE TABLE events (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id UUID NOT NULL,
    upload_id UUID,
    type TEXT NOT NULL,
    subject_id UUID,
    subject TEXT,
    old_status TEXT,
    status TEXT,
    error_code TEXT,
    created_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE events IS 'The log of what has changed';
COMMENT ON COLUMN events.upload_id IS 'NULL: of a job without one';
COMMENT ON COLUMN events.subject_id IS
    'the chunk or the job; of a new upload, whose content it shares';
COMMENT ON COLUMN events.subject IS 'the chunk''s index, the job''s kind';
COMMENT ON COLUMN events.status IS 'NULL: it is gone';
COMMENT ON COLUMN events.created_at IS 'by the database''s clock, to the millisecond';

CREATE FUNCTION event_add(workspace UUID, upload UUID, event_type TEXT, about UUID, about_name TEXT,
                          before TEXT, after TEXT, code TEXT) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(4702111234474983746);
    INSERT INTO events (workspace_id, upload_id, type, subject_id, subject, old_status, status,
                        error_code, created_at)
    VALUES (workspace, upload, event_type, about, about_name, before, after, code,
            date_trunc('milliseconds', clock_timestamp()));
END $$;

CREATE FUNCTION audio_uploads_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM event_add(NEW.workspace_id, NEW.id, 'upload.created', NEW.duplicate_of, NULL, NULL,
                          NEW.status, NULL);
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM event_add(OLD.workspace_id, OLD.id, 'upload.purged', NULL, NULL, OLD.status, NULL,
                          NULL);
    ELSE -- into the trash and out of it, deleted_at and the status change together
        PERFORM event_add(
            NEW.workspace_id, NEW.id,
            CASE WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL THEN 'upload.deleted'
                 WHEN OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL THEN 'upload.undeleted'
                 ELSE 'upload.status' END,
            NULL, NULL, OLD.status, NEW.status, NEW.error_code);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audio_uploads_created AFTER INSERT ON audio_uploads
FOR EACH ROW EXECUTE FUNCTION audio_uploads_event();
CREATE TRIGGER audio_uploads_status AFTER UPDATE OF status ON audio_uploads
FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION audio_uploads_event();
CREATE TRIGGER audio_uploads_purged AFTER DELETE ON audio_uploads
FOR EACH ROW EXECUTE FUNCTION audio_uploads_event();

CREATE FUNCTION audio_chunks_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM event_add(u.workspace_id, NEW.upload_id, 'chunk.status', NEW.id, NEW.chunk_index::TEXT,
                      OLD.status, NEW.status, NULL)
    FROM audio_uploads u WHERE u.id = NEW.upload_id;
    RETURN NULL;
END $$;
CREATE TRIGGER audio_chunks_status AFTER UPDATE OF status ON audio_chunks
FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION audio_chunks_event();

CREATE FUNCTION processing_jobs_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM event_add(NEW.workspace_id, NEW.upload_id, 'job.status', NEW.id, NEW.kind, OLD.status,
                      NEW.status, NEW.error_code);
    RETURN NULL;
END $$;
CREATE TRIGGER processing_jobs_status AFTER UPDATE OF status ON processing_jobs
FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION processing_jobs_event();

CREATE TABLE event_positions (
    name TEXT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL
);
INSERT INTO event_positions (name, sequence) VALUES ('removed', 0), ('webhooks', 0);
COMMENT ON TABLE event_positions IS 'How far something has come along the log';
COMMENT ON COLUMN event_positions.name IS
    '''removed'': up to it events are gone; ''webhooks'': deliveries are made';

CREATE TABLE webhooks (
    id UUID NOT NULL PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    url TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    event_types TEXT NOT NULL DEFAULT '',
    secret BYTEA NOT NULL,
    previous_secret BYTEA,
    previous_secret_expires_at TIMESTAMPTZ,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    from_sequence BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    removed_at TIMESTAMPTZ,
    CHECK ((previous_secret IS NULL) = (previous_secret_expires_at IS NULL))
);
CREATE INDEX webhooks_workspace ON webhooks (workspace_id, id) WHERE removed_at IS NULL;
CREATE INDEX webhooks_removed ON webhooks (id) WHERE removed_at IS NOT NULL;
COMMENT ON TABLE webhooks IS 'Addresses that are told of events';
COMMENT ON COLUMN webhooks.event_types IS 'with commas; empty: all';
COMMENT ON COLUMN webhooks.secret IS 'signs what is sent, and so is kept as it is';
COMMENT ON COLUMN webhooks.previous_secret IS 'signs too until it expires';
COMMENT ON COLUMN webhooks.from_sequence IS 'it is told of events behind this one';
COMMENT ON COLUMN webhooks.removed_at IS
    'then it is not there any more; the sweep takes it away with its deliveries';

CREATE TABLE webhook_deliveries (
    id UUID NOT NULL PRIMARY KEY,
    webhook_id UUID NOT NULL REFERENCES webhooks (id),
    workspace_id UUID NOT NULL,
    upload_id UUID,
    event_sequence BIGINT,
    event_type TEXT NOT NULL,
    event_data TEXT NOT NULL,
    event_at TIMESTAMPTZ NOT NULL,
    lane UUID NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'dead')),
    attempts BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at TIMESTAMPTZ,
    retry_until TIMESTAMPTZ NOT NULL,
    last_attempt_at TIMESTAMPTZ,
    duration_ms BIGINT,
    response_status INTEGER,
    error TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    CHECK (status = 'pending' OR next_attempt_at IS NULL)
);
CREATE INDEX webhook_deliveries_list ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_due
    ON webhook_deliveries (webhook_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_lane
    ON webhook_deliveries (webhook_id, lane, event_sequence) WHERE status = 'pending';
COMMENT ON TABLE webhook_deliveries IS
    'What is to be told to a webhook, and how it went. Deliveries of one lane go out one after the '
    'other: the next has no time for its attempt (NULL) before the earlier one is delivered or dead';
COMMENT ON COLUMN webhook_deliveries.event_sequence IS 'NULL: of no event, a test';
COMMENT ON COLUMN webhook_deliveries.event_data IS 'a JSON object; the event itself may be gone';
COMMENT ON COLUMN webhook_deliveries.lane IS 'the upload''s id; the delivery''s own outside the order';
COMMENT ON COLUMN webhook_deliveries.retry_until IS 'a failure behind it is the last';
COMMENT ON COLUMN webhook_deliveries.response_status IS 'of the last attempt; NULL: no answer';
COMMENT ON COLUMN webhook_deliveries.error IS 'of the last attempt; NULL: it went well';
