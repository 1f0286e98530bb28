-- What others than the server have made of an upload, for as long as the upload is there: jobs are
-- forgotten after a while. Of each kind there are either the results of chunks or one of the whole,
-- whichever came last.
CREATE TABLE processing_results (
    id TEXT NOT NULL PRIMARY KEY, -- another one once it was replaced; audio_chunks.transcription_result_id
    upload_id TEXT NOT NULL REFERENCES audio_uploads (id) ON DELETE CASCADE,
    chunk_id TEXT REFERENCES audio_chunks (id) ON DELETE CASCADE, -- NULL: of the whole upload
    kind TEXT NOT NULL,
    part INTEGER NOT NULL CHECK (part >= -1), -- the chunk's index, or -1
    start_time REAL NOT NULL, -- of the audio it was made of: the chunk may have been cut anew since
    end_time REAL NOT NULL,
    job_id TEXT NOT NULL,
    options TEXT NOT NULL, -- JSON
    from_cache INTEGER NOT NULL CHECK (from_cache IN (0, 1)),
    processing_time_ms INTEGER NOT NULL CHECK (processing_time_ms >= 0),
    completed_at INTEGER NOT NULL,
    result TEXT NOT NULL, -- JSON
    CHECK ((chunk_id IS NULL) = (part = -1)),
    UNIQUE (upload_id, kind, part)
);
CREATE INDEX processing_results_chunk ON processing_results (chunk_id) WHERE chunk_id IS NOT NULL;
