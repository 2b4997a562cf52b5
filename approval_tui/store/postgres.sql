-- What of `statements.sql` is said otherwise to PostgreSQL.

-- name: {for_change}
FOR UPDATE

-- name: {has_part}
ILIKE

-- name: bump_version
-- It may have to wait for others; the time that counts is that after the wait.
WITH taken AS (UPDATE requests SET version = version + 1 WHERE id = :id AND status = :status RETURNING id)
SELECT count(*) AS count, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now FROM taken

-- name: append_event_at_end
-- The event's number, hash and the beginning of its body are added there (see `0002_guards.sql`).
INSERT INTO events (request_id, name, at, body) VALUES (:request_id, :name, :at, :body)

-- name: {by_who_may_not_decide}
submitted_by IN (
  SELECT rolname FROM pg_roles WHERE NOT has_column_privilege(oid, 'requests', 'decisions', 'UPDATE'))
