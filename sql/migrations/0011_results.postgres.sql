-- What others than the server have made of an upload, for as long as the upload is there: jobs are
-- forgotten after a while. Of each kind there are either the results of chunks or one of the whole,
-- whichever came last.
CREATE TABLE processing_results (
    id UUID NOT NULL PRIMARY KEY,
    upload_id UUID NOT NULL REFERENCES audio_uploads (id) ON DELETE CASCADE,
    chunk_id UUID REFERENCES audio_chunks (id) ON DELETE CASCADE,
    kind TEXT COLLATE "C" NOT NULL,
    part BIGINT NOT NULL CHECK (part >= -1),
    start_time DECIMAL(10,3) NOT NULL,
    end_time DECIMAL(10,3) NOT NULL,
    job_id UUID NOT NULL,
    options JSONB NOT NULL,
    from_cache INTEGER NOT NULL CHECK (from_cache IN (0, 1)),
    processing_time_ms BIGINT NOT NULL CHECK (processing_time_ms >= 0),
    completed_at TIMESTAMPTZ NOT NULL,
    result JSONB NOT NULL,
    CHECK ((chunk_id IS NULL) = (part = -1)),
    UNIQUE (upload_id, kind, part)
);
CREATE INDEX processing_results_chunk ON processing_results (chunk_id) WHERE chunk_id IS NOT NULL;
COMMENT ON TABLE processing_results IS
    'What others than the server have made of an upload and its chunks';
COMMENT ON COLUMN processing_results.id IS
    'another one once it was replaced; audio_chunks.transcription_result_id';
COMMENT ON COLUMN processing_results.chunk_id IS 'NULL: of the whole upload';
COMMENT ON COLUMN processing_results.part IS 'the chunk''s index, or -1';
COMMENT ON COLUMN processing_results.start_time IS
    'of the audio it was made of: the chunk may have been cut anew since';
