-- name: sample_add
INSERT INTO samples (id, whole, seconds, words, mark, made_at, flag, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: sample_by_id
SELECT whole, seconds, words, mark, made_at, flag, body FROM samples WHERE id = $1;

-- name: shelf_add
INSERT INTO shelves (id, label) VALUES ($1, $2);

-- name: shelf_labels
SELECT label FROM shelves ORDER BY id;

-- name: shelf_count
SELECT count(*) FROM shelves;

-- name: shelf_rename
-- The parameters appear in another order than their numbers, and '$9' is no parameter.
UPDATE shelves SET label = $2 WHERE id = $1 AND label <> '$9';

-- name: shelf_rename_returning
UPDATE shelves SET label = $2 WHERE id = $1 RETURNING id, label;

-- name: shelf_remove_all
DELETE FROM shelves;

-- name: book_add
-- id, shelf, twin, pages.
INSERT INTO books (id, shelf_id, twin_id, pages) VALUES ($1, $2, $3, $4);

-- name: book_count
SELECT count(*) FROM books;

-- name: book_fill
-- $1 rows of the given pages on one shelf.
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)
INSERT INTO books (id, shelf_id, pages) SELECT 'filled-' || n, $2, $3 FROM numbers;

-- name: tally_add
-- Adds $2 to the tally $1.
INSERT INTO tallies (name, total) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET total = tallies.total + excluded.total;

-- name: tally_of
SELECT total FROM tallies WHERE name = $1;
