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
