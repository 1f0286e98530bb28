-- name: node_clock
-- Leases run by the clock of the database, not by those of its nodes.
SELECT CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) * 1000;
