-- Files that processing makes of uploads: chunks that were cut, waveforms.

CREATE TABLE derived_files (
    storage_name TEXT COLLATE "C" NOT NULL,
    storage_path TEXT COLLATE "C" NOT NULL,
    upload_id UUID NOT NULL REFERENCES audio_uploads (id),
    kind TEXT NOT NULL CHECK (kind IN ('chunk', 'waveform')),
    number BIGINT NOT NULL CHECK (number >= 0),
    size BIGINT NOT NULL CHECK (size >= 0),
    checksum_md5 TEXT NOT NULL,
    checksum_sha256 TEXT NOT NULL,
    job_id UUID NOT NULL,
    lease_token BIGINT NOT NULL,
    kept SMALLINT NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (storage_name, storage_path)
);
CREATE INDEX derived_files_upload ON derived_files (upload_id);
CREATE UNIQUE INDEX derived_files_kept ON derived_files (upload_id, kind, number) WHERE kept = 1;
CREATE INDEX derived_files_loose ON derived_files (job_id, lease_token) WHERE kept = 0;
COMMENT ON TABLE derived_files IS
    'Each file is here before it is an object, so that every object is explained. It is kept (1) from '
    'the transaction on that completes the job that made it; what is not, and whose lease has ended, is '
    'left over. An upload goes only after its files have gone on the garbage list';
COMMENT ON COLUMN derived_files.number IS 'the chunk''s index; the waveform''s samples per pixel';
COMMENT ON COLUMN derived_files.job_id IS 'that made it, and under which lease';

CREATE TABLE derived_recipes (
    upload_id UUID NOT NULL REFERENCES audio_uploads (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('chunk', 'waveform')),
    options JSONB NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (upload_id, kind)
);
COMMENT ON TABLE derived_recipes IS
    'How an upload''s files of a kind were made the last time: any of them can be made again';
COMMENT ON COLUMN derived_recipes.options IS
    'of the job; nothing of it is left to the configuration';

ALTER TABLE audio_chunks ADD COLUMN storage_name TEXT;
ALTER TABLE audio_chunks ADD COLUMN checksum_sha256 TEXT;
COMMENT ON COLUMN audio_chunks.storage_name IS 'of chunk_path';
