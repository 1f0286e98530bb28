-- name: node_clock
-- Leases run by the clock of the database, not by those of its nodes.
SELECT clock_timestamp();
