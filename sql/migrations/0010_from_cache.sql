-- Jobs whose result was not worked out but taken from the processing cache.
ALTER TABLE processing_jobs ADD COLUMN from_cache INTEGER NOT NULL DEFAULT 0 CHECK (from_cache IN (0, 1));
