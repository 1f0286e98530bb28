-- What people with psql find besides the tables: the spec's functions, and a way to let an analyst read one
-- workspace.

-- An id as the server makes them: UUIDv7 (RFC 9562, 5.7), the time in milliseconds first.
CREATE FUNCTION new_id() RETURNS UUID LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(
        uuid_send(gen_random_uuid())
        PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::UUID
$$;
COMMENT ON FUNCTION new_id IS 'UUIDv7';

-- The spec's function. The chunks cover the file exactly and their names sort. One that is asked again
-- gives the same answer; another plan for an upload that has one is refused.
CREATE FUNCTION create_audio_chunks(upload_id UUID, file_duration DECIMAL(10,3),
                                    max_chunk_duration DECIMAL(10,3) DEFAULT 300.0)
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    whole DECIMAL(10,3) := file_duration; -- PostgreSQL lets go of a parameter's scale
    longest DECIMAL(10,3) := max_chunk_duration;
    needed NUMERIC;
    planned INTEGER;
BEGIN
    IF whole IS NULL OR whole <= 0 OR longest IS NULL OR longest <= 0 THEN
        RAISE EXCEPTION 'durations must be above zero' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    needed := ceil(whole / longest);
    IF needed > 100000 THEN
        RAISE EXCEPTION 'an upload has at most 100000 chunks'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM FROM audio_uploads u WHERE u.id = create_audio_chunks.upload_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no upload %', upload_id USING ERRCODE = 'foreign_key_violation';
    END IF;

    SELECT count(*) INTO planned FROM audio_chunks c
    WHERE c.upload_id = create_audio_chunks.upload_id;
    IF planned > 0 THEN
        IF planned <> needed OR EXISTS (
            SELECT FROM audio_chunks c WHERE c.upload_id = create_audio_chunks.upload_id
            AND (c.start_time <> c.chunk_index * longest
                 OR c.end_time <> least((c.chunk_index + 1) * longest, whole))) THEN
            RAISE EXCEPTION 'upload % has other chunks', upload_id USING ERRCODE = 'unique_violation';
        END IF;
        RETURN planned;
    END IF;

    INSERT INTO audio_chunks (id, upload_id, chunk_index, total_chunks, start_time, end_time, duration,
                              chunk_filename, status)
    SELECT new_id(), create_audio_chunks.upload_id, i, needed, i * longest,
           least((i + 1) * longest, whole),
           least((i + 1) * longest, whole) - i * longest,
           format('chunk_%s_%s.wav', create_audio_chunks.upload_id, lpad(i::TEXT, 6, '0')), 'pending'
    FROM generate_series(0, needed::INTEGER - 1) AS i;
    RETURN needed;
END $$;
COMMENT ON FUNCTION create_audio_chunks IS
    'Plans the chunks of an upload; gives how many there are. Durations in seconds';

-- The spec's function. A limit of NULL is none; what open sessions reserve is taken; a workspace without
-- a quota, which there is none of, may not upload.
CREATE FUNCTION check_storage_quota(workspace_id UUID, file_size BIGINT)
RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT check_storage_quota.file_size >= 0
           AND (q.max_file_size IS NULL OR check_storage_quota.file_size <= q.max_file_size)
           AND (q.max_storage_bytes IS NULL OR q.current_storage_bytes + reserved.bytes
                                               + check_storage_quota.file_size <= q.max_storage_bytes)
           AND (q.max_file_count IS NULL
                OR q.current_file_count + reserved.files < q.max_file_count)
           AND (q.max_monthly_uploads IS NULL
                OR CASE WHEN q.monthly_period = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')
                        THEN q.monthly_uploads ELSE 0 END + reserved.files < q.max_monthly_uploads)
        FROM storage_quotas q CROSS JOIN LATERAL (
            SELECT coalesce(sum(s.reserved_bytes), 0) AS bytes,
                   count(*) FILTER (WHERE s.concatenation IS DISTINCT FROM 'partial') AS files
            FROM chunked_uploads s
            WHERE s.workspace_id = q.workspace_id AND s.status = 'initiated') AS reserved
        WHERE q.workspace_id = check_storage_quota.workspace_id), FALSE)
$$;
COMMENT ON FUNCTION check_storage_quota IS 'Whether the workspace may take one more file of this size';

-- Who may read one workspace's rows, and nothing else, with any SQL: row-level security. The server owns the
-- tables, and what owns them is not bound by it.
CREATE TABLE analysts (
    role_name NAME NOT NULL,
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    PRIMARY KEY (role_name, workspace_id)
);
CREATE INDEX analysts_workspace ON analysts (workspace_id);
COMMENT ON TABLE analysts IS 'Which roles of the database may read which workspaces';

-- Tables of a workspace's own, without what is secret in it (tokens, webhooks, keys of requests).
CREATE FUNCTION analyst_tables() RETURNS SETOF NAME LANGUAGE sql IMMUTABLE AS $$
    VALUES ('workspaces'), ('users'), ('storage_quotas'), ('audio_uploads'), ('audio_chunks'),
           ('audio_history'), ('storage_events'), ('chunked_uploads'), ('processing_jobs'),
           ('processing_results'), ('derived_files'), ('events'), ('analysts')
$$;

CREATE FUNCTION analyst_may_read(workspace_id UUID) RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM analysts a WHERE a.role_name = current_user
                                            AND a.workspace_id = analyst_may_read.workspace_id)
$$;

DO $$
DECLARE
    one NAME;
BEGIN
    FOR one IN SELECT * FROM analyst_tables() LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY analyst ON %I FOR SELECT USING (%s)', one, CASE one
            WHEN 'workspaces' THEN 'analyst_may_read(id)'
            WHEN 'analysts' THEN 'role_name = current_user'
            WHEN 'audio_chunks' THEN 'EXISTS (SELECT FROM audio_uploads u WHERE u.id = upload_id)'
            WHEN 'derived_files' THEN 'EXISTS (SELECT FROM audio_uploads u WHERE u.id = upload_id)'
            WHEN 'processing_results' THEN
                'EXISTS (SELECT FROM audio_uploads u WHERE u.id = upload_id)'
            ELSE 'analyst_may_read(workspace_id)' END);
    END LOOP;
END $$;
ALTER VIEW storage_usage_by_workspace SET (security_invoker = true);
ALTER VIEW archival_candidates SET (security_invoker = true);

CREATE FUNCTION admit_analyst(role_name NAME, workspace_id UUID) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one NAME;
BEGIN
    FOR one IN SELECT * FROM analyst_tables()
               UNION ALL VALUES ('storage_usage_by_workspace'), ('archival_candidates') LOOP
        EXECUTE format('GRANT SELECT ON %I TO %I', one, role_name);
    END LOOP;
    INSERT INTO analysts VALUES (admit_analyst.role_name, admit_analyst.workspace_id)
    ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION admit_analyst IS 'Lets a role that exists read one workspace more';
