-- What copies a store asks of both ends; nothing else loads these statements.

-- name: unfinished_copy
-- The marker that keeps everybody else from a store that is still being copied.
SELECT source, head_seq, copied_id FROM unfinished_copy

-- name: is_unfinished
SELECT 1 FROM sqlite_master WHERE name = 'unfinished_copy'

-- name: take_over_copy
UPDATE unfinished_copy SET holder = :holder

-- name: begin_copy
-- The log of the copy begins after the event with this number and hash, which a store in a file need not be told.
UPDATE unfinished_copy SET head_seq = :head_seq WHERE holder = :holder

-- name: go_on_with_copy
UPDATE unfinished_copy SET copied_id = :copied_id WHERE holder = :holder

-- name: finish_copy
DROP TABLE unfinished_copy

-- name: call_it_a_store
-- What a file says of itself: 'APRT'.
PRAGMA application_id = 0x41505254

-- name: requests_to_copy
SELECT * FROM requests WHERE id > :after ORDER BY id LIMIT :most

-- name: request_to_copy
SELECT * FROM requests WHERE id = :id

-- name: requests_between
SELECT * FROM requests WHERE id > :after AND id <= :last ORDER BY id

-- name: request_changed_since
SELECT 1 FROM events WHERE request_id = :id AND seq > :seq LIMIT 1

-- name: request_count
SELECT count(*) AS count FROM requests

-- name: step_to_new_status
-- Where two steps lead from the status of the copy to that of the request, the first of them is to `approved`.
UPDATE requests SET status = 'approved', approval_expires_at = coalesce(approval_expires_at, 0)
WHERE id = :id AND ((status = 'pending' AND :status = 'consumed')
  OR (status = 'consumed' AND :status IN ('denied', 'expired', 'cancelled')))

-- name: {changing}
-- All that may change of a request.
  status = excluded.status, version = excluded.version, edited_arguments = excluded.edited_arguments,
  digest = excluded.digest, approval_expires_at = excluded.approval_expires_at, decided_at = excluded.decided_at,
  decisions = excluded.decisions, consumed_at = excluded.consumed_at, claim_hash = excluded.claim_hash,
  claim_expires_at = excluded.claim_expires_at, outcome = excluded.outcome, outcome_at = excluded.outcome_at,
  outcome_detail = excluded.outcome_detail

-- name: {columns_of_requests}
  id, status, version, tool, server, requester, session, context, arguments, edited_arguments, reason, risk, rule_hash,
  requirements, fingerprint, digest, created_at, expires_at, approval_lifetime, approval_expires_at, decided_at,
  decisions, consumed_at, claim_hash, claim_expires_at, outcome, outcome_at, outcome_detail, attempt, edit_taken_as

-- name: {values_of_requests}
  :id, :status, :version, :tool, :server, :requester, :session, :context, :arguments, :edited_arguments, :reason, :risk,
  :rule_hash, :requirements, :fingerprint, :digest, :created_at, :expires_at, :approval_lifetime, :approval_expires_at,
  :decided_at, :decisions, :consumed_at, :claim_hash, :claim_expires_at, :outcome, :outcome_at, :outcome_detail,
  :attempt, :edit_taken_as

-- name: put_request
INSERT INTO requests ({columns_of_requests}) VALUES ({values_of_requests})
ON CONFLICT (id) DO UPDATE SET {changing}

-- name: submissions_between
-- Of the requests in this range.
SELECT * FROM submissions WHERE request_id > :after AND request_id <= :last

-- name: submissions_to_copy
SELECT * FROM submissions WHERE request_id = :id

-- name: put_submission
INSERT INTO submissions (requester, key, body_hash, request_id, timeout, has_context, submitted_at)
VALUES (:requester, :key, :body_hash, :request_id, :timeout, :has_context, :submitted_at)
ON CONFLICT (requester, key) DO NOTHING

-- name: all_segments
SELECT * FROM segments ORDER BY number

-- name: put_segments
INSERT INTO segments (number, last_seq, last_hash, sealed_at) VALUES (:number, :last_seq, :last_hash, :sealed_at)

-- name: all_grants
SELECT * FROM grants

-- name: put_grants
INSERT INTO grants (
  id, scope, session, fingerprint, request_id, tool, requester, granted_by, granted_at, expires_at, uses, revoked_by,
  revoked_at, matcher, most_uses)
VALUES (
  :id, :scope, :session, :fingerprint, :request_id, :tool, :requester, :granted_by, :granted_at, :expires_at, :uses,
  :revoked_by, :revoked_at, :matcher, :most_uses)

-- name: change_grants
UPDATE grants SET uses = :uses, revoked_by = :revoked_by, revoked_at = :revoked_at WHERE id = :id

-- name: all_tokens
SELECT * FROM tokens

-- name: put_tokens
INSERT INTO tokens (id, role, name, secret_hash, created_at, expires_at, revoked_at)
VALUES (:id, :role, :name, :secret_hash, :created_at, :expires_at, :revoked_at)

-- name: change_tokens
UPDATE tokens SET revoked_at = :revoked_at WHERE id = :id

-- name: all_holds
SELECT * FROM holds

-- name: put_holds
INSERT INTO holds (requester, session, held_by, held_at, reason, released_by, released_at)
VALUES (:requester, :session, :held_by, :held_at, :reason, :released_by, :released_at)

-- name: change_holds
UPDATE holds SET held_by = :held_by, held_at = :held_at, reason = :reason, released_by = :released_by,
  released_at = :released_at
WHERE requester = :requester AND session = :session

-- name: all_counters
SELECT * FROM counters

-- name: put_counters
INSERT INTO counters (name, window_length, window_start, value)
VALUES (:name, :window_length, :window_start, :value)

-- name: remove_counters
DELETE FROM counters WHERE name = :name AND window_length = :window_length AND window_start = :window_start

-- name: all_reservations
SELECT * FROM reservations

-- name: put_reservations
INSERT INTO reservations (holder, name, window_length, window_start, amount)
VALUES (:holder, :name, :window_length, :window_start, :amount)

-- name: remove_reservations
DELETE FROM reservations WHERE holder = :holder AND name = :name AND window_length = :window_length

-- name: all_proxies
SELECT * FROM proxies

-- name: put_proxies
INSERT INTO proxies (id, standing, heard_at) VALUES (:id, :standing, :heard_at)

-- name: remove_proxies
DELETE FROM proxies WHERE id = :id

-- name: all_sinks
SELECT * FROM sinks

-- name: put_sinks
INSERT INTO sinks (id, last_seq) VALUES (:id, :last_seq)

-- name: remove_sinks
DELETE FROM sinks WHERE id = :id

-- name: all_deliveries
SELECT * FROM deliveries

-- name: put_deliveries
INSERT INTO deliveries (sink, seq, kind, request_id, wanted_at, due_at, attempts, leased_until, holder, failure)
VALUES (:sink, :seq, :kind, :request_id, :wanted_at, :due_at, :attempts, :leased_until, :holder, :failure)

-- name: remove_deliveries
DELETE FROM deliveries WHERE sink = :sink AND seq = :seq AND kind = :kind
