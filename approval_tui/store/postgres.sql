-- What of `statements.sql` is said otherwise to PostgreSQL.

-- name: {for_change}
FOR UPDATE

-- name: {has_part}
ILIKE

-- name: {by_who_may_not_decide}
submitted_by IN (
  SELECT rolname FROM pg_roles WHERE NOT has_column_privilege(oid, 'requests', 'decisions', 'UPDATE'))

-- name: last_event_to_follow
-- A lock and a look in one: no other writer links an event until this transaction ends.
SELECT seq, hash, at FROM end_of_log() WHERE seq > 0
