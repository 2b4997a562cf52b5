-- name: request_columns
-- Stands in the statements below for `:request_columns`; their order is what makes rows quick to read.
  id, status, version, tool, server, requester, session, context, arguments, edited_arguments, reason, risk,
  rule_hash, requirements, fingerprint, digest, created_at, expires_at, approval_lifetime, approval_expires_at,
  decided_at, decisions, consumed_at, claim_hash, claim_expires_at, outcome, outcome_at, outcome_detail

-- name: request
-- One request by its whole id.
SELECT :request_columns FROM requests WHERE id = :id

-- name: request_ids_by_prefix
-- The first two ids that begin so; two of them mean that the prefix is ambiguous.
SELECT id FROM requests WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT 2

-- name: insert_request
INSERT INTO requests (
  id, status, version, tool, server, requester, session, context, arguments, reason, risk, rule_hash,
  requirements, fingerprint, digest, created_at, expires_at, approval_lifetime)
VALUES (
  :id, 'pending', 1, :tool, :server, :requester, :session, :context, :arguments, :reason, :risk, :rule_hash,
  :requirements, :fingerprint, :digest, :created_at, :expires_at, :approval_lifetime)

-- name: reusable_request
-- The newest word on the same call that still holds (rule R5).
SELECT :request_columns FROM requests
WHERE fingerprint = :fingerprint AND status IN ('pending', 'approved', 'denied')
  AND CASE status WHEN 'approved' THEN approval_expires_at > :now
    WHEN 'pending' THEN expires_at > :now AND created_at > :window_start
    ELSE decided_at > :window_start END
ORDER BY coalesce(decided_at, created_at) DESC, id DESC LIMIT 1

-- name: bump_version
-- Takes the row under its guard; every command on a request begins here (rule R7).
UPDATE requests SET version = version + 1 WHERE id = :id AND status = :status

-- name: record_vote
UPDATE requests SET decisions = :decisions
WHERE id = :id AND status = 'pending' AND version = :version

-- name: record_edit
-- Votes on the digest before an edit do not count for the one after it.
UPDATE requests SET edited_arguments = :edited_arguments, digest = :digest, decisions = :decisions
WHERE id = :id AND status = 'pending' AND version = :version

-- name: approve
UPDATE requests SET status = 'approved', decisions = :decisions, decided_at = :decided_at,
  approval_expires_at = :approval_expires_at
WHERE id = :id AND status = 'pending' AND version = :version AND expires_at > :now AND digest = :digest

-- name: deny
UPDATE requests SET status = 'denied', decisions = :decisions, decided_at = :decided_at
WHERE id = :id AND status = 'pending' AND version = :version AND expires_at > :now AND digest = :digest

-- name: revoke
UPDATE requests SET status = 'denied', decisions = :decisions, decided_at = :decided_at
WHERE id = :id AND status = 'approved' AND version = :version AND approval_expires_at > :now

-- name: expire
UPDATE requests SET status = 'expired', decided_at = :decided_at
WHERE id = :id AND status = :from_status AND version = :version

-- name: cancel
UPDATE requests SET status = 'cancelled', decided_at = :decided_at
WHERE id = :id AND status = :from_status AND version = :version AND requester = :requester

-- name: consume
UPDATE requests SET status = 'consumed', consumed_at = :consumed_at, claim_hash = :claim_hash,
  claim_expires_at = :claim_expires_at
WHERE id = :id AND status = 'approved' AND version = :version AND requester = :requester
  AND fingerprint = :fingerprint AND digest = :digest AND approval_expires_at > :now

-- name: roll_back
UPDATE requests SET status = 'approved', consumed_at = NULL, claim_hash = NULL, claim_expires_at = NULL
WHERE id = :id AND status = 'consumed' AND version = :version AND claim_hash = :held_claim
  AND outcome IS NULL AND approval_expires_at > :now

-- name: record_outcome
UPDATE requests SET outcome = :outcome, outcome_at = :outcome_at, outcome_detail = :outcome_detail
WHERE id = :id AND status = 'consumed' AND version = :version
  AND claim_hash = :held_claim AND outcome IS NULL

-- name: requests_due
-- Recorded as pending or approved, but past their time.
SELECT id FROM requests WHERE status = 'pending' AND expires_at <= :now
UNION ALL
SELECT id FROM requests WHERE status = 'approved' AND approval_expires_at <= :now
LIMIT :most

-- name: pending_requests
SELECT :request_columns FROM requests WHERE status = 'pending' AND expires_at > :now ORDER BY id LIMIT :most

-- name: pending_count
SELECT count(*) AS count FROM requests WHERE status = 'pending' AND expires_at > :now

-- name: approved_requests
SELECT :request_columns FROM requests WHERE status = 'approved' AND approval_expires_at > :now ORDER BY id LIMIT :most

-- name: history
-- All that no longer waits, newest first, by key.
SELECT :request_columns FROM requests
WHERE 1 = 1 AND id < :before
  AND (status <> 'pending' OR expires_at <= :now)
  AND (CAST(:status AS TEXT) IS NULL OR :status = CASE WHEN status = 'pending' AND expires_at <= :now THEN 'expired'
       WHEN status = 'approved' AND approval_expires_at <= :now THEN 'expired' ELSE status END)
  AND (CAST(:requester AS TEXT) IS NULL OR requester = :requester)
  AND (CAST(:tool AS TEXT) IS NULL OR tool = :tool)
  AND (CAST(:session AS TEXT) IS NULL OR session = :session)
ORDER BY id DESC LIMIT :most

-- name: history_by_status
-- The same for a status that is never computed, over its index.
SELECT :request_columns FROM requests
WHERE status = :status AND status <> 'pending' AND id < :before
  AND (status <> 'pending' OR expires_at <= :now)
  AND (CAST(:status AS TEXT) IS NULL OR :status = CASE WHEN status = 'pending' AND expires_at <= :now THEN 'expired'
       WHEN status = 'approved' AND approval_expires_at <= :now THEN 'expired' ELSE status END)
  AND (CAST(:requester AS TEXT) IS NULL OR requester = :requester)
  AND (CAST(:tool AS TEXT) IS NULL OR tool = :tool)
  AND (CAST(:session AS TEXT) IS NULL OR session = :session)
ORDER BY id DESC LIMIT :most

-- name: history_by_requester
-- The same for one requester, over its index.
SELECT :request_columns FROM requests
WHERE requester = :requester AND id < :before
  AND (status <> 'pending' OR expires_at <= :now)
  AND (CAST(:status AS TEXT) IS NULL OR :status = CASE WHEN status = 'pending' AND expires_at <= :now THEN 'expired'
       WHEN status = 'approved' AND approval_expires_at <= :now THEN 'expired' ELSE status END)
  AND (CAST(:requester AS TEXT) IS NULL OR requester = :requester)
  AND (CAST(:tool AS TEXT) IS NULL OR tool = :tool)
  AND (CAST(:session AS TEXT) IS NULL OR session = :session)
ORDER BY id DESC LIMIT :most

-- name: history_in_doubt
-- The same for claims whose time passed without an outcome, over their index, which is small; `id || ''` keeps the planner from walking all ids instead.
SELECT :request_columns FROM requests
WHERE status = 'consumed' AND outcome IS NULL AND claim_expires_at <= :now AND id || '' < :before
  AND (CAST(:requester AS TEXT) IS NULL OR requester = :requester)
  AND (CAST(:tool AS TEXT) IS NULL OR tool = :tool)
  AND (CAST(:session AS TEXT) IS NULL OR session = :session)
ORDER BY id || '' DESC LIMIT :most

-- name: requests_in_doubt
SELECT :request_columns FROM requests
WHERE status = 'consumed' AND outcome IS NULL AND claim_expires_at <= :now
ORDER BY claim_expires_at, id LIMIT :most

-- name: requests_after
-- Whole rows in the order of ids, to hold against the audit log.
SELECT :request_columns FROM requests WHERE id > :after ORDER BY id LIMIT :most

-- name: last_event
SELECT seq, hash, at FROM events ORDER BY seq DESC LIMIT 1

-- name: append_event
INSERT INTO events (seq, request_id, name, at, body, hash)
VALUES (:seq, :request_id, :name, :at, :body, :hash)

-- name: event
SELECT * FROM events WHERE seq = :seq

-- name: events_after
SELECT * FROM events WHERE seq > :after ORDER BY seq LIMIT :most

-- name: events_before
SELECT * FROM events WHERE seq < :before ORDER BY seq DESC LIMIT :most

-- name: events_of_request
SELECT * FROM events WHERE request_id = :request_id ORDER BY seq

-- name: events_without_request
-- Requests that the log speaks of and that are no longer there.
SELECT e.seq AS seq, e.request_id AS request_id FROM events e
LEFT JOIN requests r ON r.id = e.request_id
WHERE e.name = 'request_submitted' AND r.id IS NULL AND e.seq > :after
ORDER BY e.seq LIMIT :most

-- name: last_segment
SELECT last_seq, last_hash FROM segments ORDER BY number DESC LIMIT 1
