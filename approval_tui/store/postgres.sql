-- What of `statements.sql` is said otherwise to PostgreSQL.

-- name: {for_change}
FOR UPDATE

-- name: {has_part}
ILIKE

-- name: bump_version
-- It may have to wait for others; the time that counts is that after the wait.
WITH taken AS (UPDATE requests SET version = version + 1 WHERE id = :id AND status = :status RETURNING id)
SELECT count(*) AS count, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now FROM taken

-- name: last_event_to_follow
-- A lock and a look in one: no other writer links an event until this transaction ends.
SELECT seq, hash, at FROM end_of_log() WHERE seq > 0
