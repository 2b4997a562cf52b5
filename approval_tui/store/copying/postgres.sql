-- What of `copying.sql` is said otherwise to PostgreSQL, and what only PostgreSQL keeps.

-- name: is_unfinished
SELECT 1 WHERE to_regclass('unfinished_copy') IS NOT NULL

-- name: begin_copy
WITH beginning AS (UPDATE audit_head SET seq = :seq, hash = :hash, at = :at)
UPDATE unfinished_copy SET head_seq = :head_seq WHERE holder = :holder

-- name: put_request_with_submitter
-- The same with the database role that asked.
INSERT INTO requests ({columns_of_requests}, submitted_by) VALUES ({values_of_requests}, :submitted_by)
ON CONFLICT (id) DO UPDATE SET {changing}

-- name: keep_names
-- Each requester's name stays the database role's that used it first; those that the owner copied from a file are free.
INSERT INTO requesters (name, role)
SELECT DISTINCT ON (requester) requester, submitted_by FROM requests WHERE submitted_by <> current_user
ORDER BY requester, id
