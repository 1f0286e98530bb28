-- What the database floor itself needs: the record of migrations and a row to try writing to. These
-- statements run before any migration and stand first among the numbered names.

-- name: schema_migrations_create
-- The record of the migrations that were applied.
CREATE TABLE IF NOT EXISTS schema_migrations (
    number BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL, -- of the migration's text, lower-case hex
    applied_at TIMESTAMPTZ NOT NULL
);

-- name: database_probe_create
-- One row, written by the health check to see whether the disk takes writes.
CREATE TABLE IF NOT EXISTS database_probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    probes BIGINT NOT NULL
);

-- name: schema_migrations_exists
-- 1 if this database was ever migrated.
SELECT count(to_regclass('schema_migrations'));

-- name: schema_migrations_list
-- number, name, sha256 in the order applied.
SELECT number, name, sha256 FROM schema_migrations ORDER BY number;

-- name: schema_migrations_add
-- number, name, sha256, time.
INSERT INTO schema_migrations (number, name, sha256, applied_at) VALUES ($1, $2, $3, $4);

-- name: schema_migrations_last
-- The number of the last one, 0 if there is none.
SELECT coalesce(max(number), 0) FROM schema_migrations;

-- name: database_probe_write
-- Changes the probe's row.
INSERT INTO database_probe (id, probes) VALUES (1, 1)
ON CONFLICT (id) DO UPDATE SET probes = database_probe.probes + 1;
