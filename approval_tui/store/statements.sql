-- name: {for_change}
-- Keeps the row from other writers where a transaction does not keep them all out.

-- name: {has_part}
-- Finds a part of a long text and takes the cases of ASCII letters for one.
LIKE

-- name: {by_who_may_not_decide}
-- Asked by a user of the database whom it does not let decide; a file knows none.
  1 = 0

-- name: {request_columns}
-- A name in braces is a part that stands in the statements below; the order of these columns makes rows quick to read.
  id, status, version, tool, server, requester, session, context, arguments, edited_arguments, reason, risk,
  rule_hash, requirements, fingerprint, digest, created_at, expires_at, approval_lifetime, approval_expires_at,
  decided_at, decisions, consumed_at, claim_hash, claim_expires_at, outcome, outcome_at, outcome_detail, attempt,
  edit_taken_as

-- name: {is_like}
-- The call is of that requester, tool, session and risk; each that is NULL leaves it open.
  (CAST(:requester AS TEXT) IS NULL OR requester = :requester)
  AND (CAST(:tool AS TEXT) IS NULL OR tool = :tool)
  AND (CAST(:session AS TEXT) IS NULL OR session = :session)
  AND (CAST(:risk AS TEXT) IS NULL OR risk = :risk)

-- name: {has_status}
-- The status that counts now (rule R3), or a claim whose time passed without an outcome.
  (CAST(:status AS TEXT) IS NULL
   OR :status = CASE WHEN status = 'pending' AND expires_at <= :now THEN 'expired'
      WHEN status = 'approved' AND approval_expires_at <= :now THEN 'expired' ELSE status END
   OR (:status = 'in_doubt' AND status = 'consumed' AND outcome IS NULL AND claim_expires_at <= :now))

-- name: {is_history}
  (status <> 'pending' OR expires_at <= :now) AND {has_status} AND {is_like}

-- name: {request_words}
-- One word in that field or anywhere. What may hold a NUL is compared with instr(), at which LIKE would stop; JSON,
-- which is long, with LIKE, which is quick and folds ASCII letters too, and for the word as JSON writes it.
  AND CASE :field# WHEN 'tool' THEN instr(lower(tool), :word#) > 0
    WHEN 'requester' THEN instr(lower(requester), :word#) > 0
    WHEN 'session' THEN instr(lower(session), :word#) > 0
    WHEN 'risk' THEN instr(lower(risk), :word#) > 0
    ELSE arguments {has_part} :escaped# ESCAPE '!' OR instr(lower(tool), :word#) > 0
      OR instr(lower(requester), :word#) > 0 OR instr(lower(server), :word#) > 0
      OR instr(lower(session), :word#) > 0 OR instr(lower(reason), :word#) > 0 OR instr(id, :word#) > 0
      OR context {has_part} :escaped# ESCAPE '!' OR edited_arguments {has_part} :escaped# ESCAPE '!'
      OR decisions {has_part} :escaped# ESCAPE '!' OR instr(lower(outcome_detail), :word#) > 0 END

-- name: {field_words}
-- The same for a word that has a field; one that has none is looked for in the event.
  AND CASE :field# WHEN 'tool' THEN instr(lower(tool), :word#) > 0
    WHEN 'requester' THEN instr(lower(requester), :word#) > 0
    WHEN 'session' THEN instr(lower(session), :word#) > 0
    WHEN 'risk' THEN instr(lower(risk), :word#) > 0 ELSE 1 = 1 END

-- name: {event_words}
-- An event's body holds the texts of decisions and edited arguments as strings: their quotes are written twice.
  AND (:field# <> '' OR instr(name, :word#) > 0 OR instr(request_id, :word#) > 0
    OR body {has_part} :escaped# ESCAPE '!' OR body {has_part} :nested# ESCAPE '!')

-- name: request
-- One request by its whole id.
SELECT {request_columns} FROM requests WHERE id = :id

-- name: request_to_change
SELECT {request_columns} FROM requests WHERE id = :id {for_change}

-- name: request_ids_by_prefix
-- The first two ids that begin so; two of them mean that the prefix is ambiguous.
SELECT id FROM requests WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT 2

-- name: insert_request
INSERT INTO requests (
  id, status, version, tool, server, requester, session, context, arguments, reason, risk, rule_hash,
  requirements, fingerprint, digest, created_at, expires_at, approval_lifetime, attempt,
  edit_taken_as)
VALUES (
  :id, 'pending', 1, :tool, :server, :requester, :session, :context, :arguments, :reason, :risk, :rule_hash,
  :requirements, :fingerprint, :digest, :created_at, :expires_at, :approval_lifetime, :attempt,
  :edit_taken_as)

-- name: reusable_requests
-- The words on the same call that still hold, newest first (rule R5).
SELECT {request_columns} FROM requests
WHERE fingerprint = :fingerprint AND status IN ('pending', 'approved', 'denied')
  AND CASE status WHEN 'approved' THEN approval_expires_at > :now
    WHEN 'pending' THEN expires_at > :now AND created_at > :window_start
    ELSE decided_at > :window_start END
ORDER BY coalesce(decided_at, created_at) DESC, id DESC

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

-- name: newest_denials
-- What reviewers said when they denied, newest first, over the index of what was decided.
SELECT decisions FROM requests WHERE status = 'denied' AND status <> 'pending' ORDER BY id DESC LIMIT :most

-- name: requests_due
-- Recorded as pending or approved, but past their time.
SELECT id FROM requests WHERE status = 'pending' AND expires_at <= :now
UNION ALL
SELECT id FROM requests WHERE status = 'approved' AND approval_expires_at <= :now
LIMIT :most

-- name: pending_page
-- What waits, by key; the bound keeps the order of ids the quickest way.
SELECT {request_columns} FROM requests
WHERE status = 'pending' AND id >= :start AND expires_at > :now AND {is_like}{request_words}
ORDER BY id LIMIT :most

-- name: pending_page_at_end
SELECT {request_columns} FROM requests
WHERE status = 'pending' AND id >= :start AND id < :below AND expires_at > :now AND {is_like}{request_words}
ORDER BY id DESC LIMIT :most

-- name: pending_id_at
SELECT id FROM requests
WHERE status = 'pending' AND id >= '' AND expires_at > :now AND {is_like}{request_words}
ORDER BY id LIMIT 1 OFFSET :skipped

-- name: pending_count
SELECT count(*) AS count FROM requests WHERE status = 'pending' AND expires_at > :now

-- name: pending_count_below
SELECT count(*) AS count FROM requests WHERE status = 'pending' AND expires_at > :now AND id < :below

-- name: pending_count_from
SELECT count(*) AS count FROM requests WHERE status = 'pending' AND expires_at > :now AND id >= :bound

-- name: pending_count_up_to
SELECT count(*) AS count FROM requests WHERE status = 'pending' AND expires_at > :now AND id <= :bound

-- name: pending_count_matching
SELECT count(*) AS count FROM requests
WHERE status = 'pending' AND id >= '' AND id < :below AND expires_at > :now AND {is_like}{request_words}

-- name: approved_requests
-- What may still be used, over its index, which is small; `id || ''` keeps the planner from walking all ids instead.
SELECT {request_columns} FROM requests
WHERE status = 'approved' AND approval_expires_at > :now AND {is_like}{request_words}
ORDER BY id || '' LIMIT :most

-- name: history
-- All that no longer waits, newest first, by key.
SELECT {request_columns} FROM requests
WHERE id > :above AND id < :before AND {is_history}{request_words}
ORDER BY id DESC LIMIT :most

-- name: history_upwards
SELECT {request_columns} FROM requests
WHERE id > :above AND id < :before AND {is_history}{request_words}
ORDER BY id LIMIT :most

-- name: history_by_status
-- The same for a status that is never computed, over its index.
SELECT {request_columns} FROM requests
WHERE status = :status AND status <> 'pending' AND id > :above AND id < :before AND {is_history}{request_words}
ORDER BY id DESC LIMIT :most

-- name: history_by_status_upwards
SELECT {request_columns} FROM requests
WHERE status = :status AND status <> 'pending' AND id > :above AND id < :before AND {is_history}{request_words}
ORDER BY id LIMIT :most

-- name: history_by_requester
-- The same for one requester, over its index.
SELECT {request_columns} FROM requests
WHERE requester = :requester AND id > :above AND id < :before AND {is_history}{request_words}
ORDER BY id DESC LIMIT :most

-- name: history_by_requester_upwards
SELECT {request_columns} FROM requests
WHERE requester = :requester AND id > :above AND id < :before AND {is_history}{request_words}
ORDER BY id LIMIT :most

-- name: history_in_doubt
-- The same for claims whose time passed without an outcome, over their index, which is small; `id || ''` keeps the
-- planner from walking all ids instead.
SELECT {request_columns} FROM requests
WHERE status = 'consumed' AND outcome IS NULL AND claim_expires_at <= :now
  AND id || '' > :above AND id || '' < :before AND {is_like}{request_words}
ORDER BY id || '' DESC LIMIT :most

-- name: history_in_doubt_upwards
SELECT {request_columns} FROM requests
WHERE status = 'consumed' AND outcome IS NULL AND claim_expires_at <= :now
  AND id || '' > :above AND id || '' < :before AND {is_like}{request_words}
ORDER BY id || '' LIMIT :most

-- name: history_count
-- All that is there but what waits; two counts that read no rows.
SELECT (SELECT count(*) FROM requests)
  - (SELECT count(*) FROM requests WHERE status = 'pending' AND expires_at > :now) AS count

-- name: history_count_matching
SELECT count(*) AS count FROM requests WHERE {is_history}{request_words}

-- name: history_count_by_status
-- For a status that is never computed.
SELECT count(*) AS count FROM requests WHERE status = :status AND status <> 'pending'

-- name: history_count_approved
SELECT count(*) AS count FROM requests WHERE status = 'approved' AND approval_expires_at > :now

-- name: history_count_expired
SELECT (SELECT count(*) FROM requests WHERE status = 'expired' AND status <> 'pending')
  + (SELECT count(*) FROM requests WHERE status = 'pending' AND expires_at <= :now)
  + (SELECT count(*) FROM requests WHERE status = 'approved' AND approval_expires_at <= :now) AS count

-- name: id_from_newest
-- Walks the key alone.
SELECT id FROM requests ORDER BY id DESC LIMIT 1 OFFSET :skipped

-- name: id_from_oldest
SELECT id FROM requests ORDER BY id LIMIT 1 OFFSET :skipped

-- name: history_id_below
SELECT id FROM requests
WHERE id < :bound AND id NOT IN (SELECT id FROM requests WHERE status = 'pending' AND expires_at > :now)
ORDER BY id DESC LIMIT 1 OFFSET :skipped

-- name: history_id_above
SELECT id FROM requests
WHERE id > :bound AND id NOT IN (SELECT id FROM requests WHERE status = 'pending' AND expires_at > :now)
ORDER BY id LIMIT 1 OFFSET :skipped

-- name: ids_where_a_step_ends
-- The last id of a step of a search, and the first one after it.
SELECT id FROM requests WHERE id < :before ORDER BY id DESC LIMIT 2 OFFSET :skipped

-- name: count_of_ids
SELECT count(*) AS count FROM requests WHERE id > :above AND id < :before

-- name: requests_in_doubt
SELECT {request_columns} FROM requests
WHERE status = 'consumed' AND outcome IS NULL AND claim_expires_at <= :now AND {is_like}{request_words}
ORDER BY claim_expires_at, id LIMIT :most

-- name: in_doubt_count
SELECT count(*) AS count FROM requests WHERE status = 'consumed' AND outcome IS NULL AND claim_expires_at <= :now

-- name: requests_after
-- Whole rows in the order of ids, to hold against the audit log.
SELECT {request_columns} FROM requests WHERE id > :after ORDER BY id LIMIT :most

-- name: last_event
SELECT seq, hash, at FROM events ORDER BY seq DESC LIMIT 1

-- name: last_event_to_follow
-- The same for who links events to it; no other writer may be there.
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

-- name: events_matching
SELECT * FROM events WHERE seq > :above AND seq < :before{event_words} ORDER BY seq DESC LIMIT :most

-- name: events_matching_of_requests
-- The same where the request must match too; CROSS JOIN says which table is walked.
SELECT events.* FROM events CROSS JOIN requests
WHERE requests.id = events.request_id AND seq > :above AND seq < :before{event_words}
  AND {has_status} AND {is_like}{field_words}
ORDER BY seq DESC LIMIT :most

-- name: first_event
SELECT seq, at, hash FROM events ORDER BY seq LIMIT 1

-- name: events_of_request
SELECT * FROM events WHERE request_id = :request_id ORDER BY seq

-- name: events_without_request
-- Requests that the log speaks of and that are no longer there.
SELECT e.seq AS seq, e.request_id AS request_id FROM events e
LEFT JOIN requests r ON r.id = e.request_id
WHERE e.name = 'request_submitted' AND r.id IS NULL AND e.seq > :after
ORDER BY e.seq LIMIT :most

-- name: last_segment
SELECT number, last_seq, last_hash, sealed_at FROM segments ORDER BY number DESC LIMIT 1

-- name: segments
SELECT number, last_seq, last_hash, sealed_at FROM segments ORDER BY number

-- name: insert_segment
INSERT INTO segments (number, last_seq, last_hash, sealed_at) VALUES (:number, :last_seq, :last_hash, :sealed_at)

-- name: seal_events
SELECT * FROM events WHERE name = 'segment_sealed' AND seq > :after ORDER BY seq LIMIT :most

-- name: request_spans
-- Where requests begin in the log, the number of the last event of each, and what it is.
SELECT began.seq AS seq, began.at AS at, began.request_id AS request_id,
  (SELECT max(each.seq) FROM events AS each WHERE each.request_id = began.request_id) AS last_seq,
  requests.status AS status, requests.outcome AS outcome, requests.claim_expires_at AS claim_expires_at,
  requests.expires_at AS expires_at, requests.approval_expires_at AS approval_expires_at
FROM events AS began LEFT JOIN requests ON requests.id = began.request_id
WHERE began.name = 'request_submitted' AND began.seq > :after AND began.seq <= :until
ORDER BY began.seq LIMIT :most

-- name: late_event_of_sealed
-- What was said of a request since, of which an event is to be sealed.
SELECT late.seq AS seq, late.request_id AS request_id FROM events AS late
WHERE late.seq > :after AND late.request_id IS NOT NULL AND EXISTS (
  SELECT 1 FROM events AS early WHERE early.request_id = late.request_id AND early.seq <= :last)
ORDER BY late.seq LIMIT 1

-- name: first_event_of_session
-- Of the newest request of a session.
SELECT min(seq) AS seq FROM events WHERE request_id = (
  SELECT id FROM requests WHERE requester = :requester AND session = :session ORDER BY id DESC LIMIT 1)

-- name: forget_grant
-- Guarded: one that was revoked meanwhile is not the one that was looked at.
DELETE FROM grants WHERE id = :id AND CASE :is_revoked
  WHEN 1 THEN revoked_at IS NOT NULL ELSE revoked_at IS NULL AND expires_at <= :before END

-- name: forget_hold
DELETE FROM holds
WHERE requester = :requester AND session = :session AND held_at = :held_at AND released_at = :released_at

-- name: forget_token
DELETE FROM tokens WHERE id = :id AND CASE :is_revoked
  WHEN 1 THEN revoked_at IS NOT NULL ELSE revoked_at IS NULL AND expires_at <= :before END

-- name: {begun_there}
  SELECT request_id FROM events WHERE name = 'request_submitted' AND seq > :after AND seq <= :until

-- name: forget_reservations_of_requests
DELETE FROM reservations WHERE holder IN (SELECT claim_hash FROM requests WHERE id IN ({begun_there}))

-- name: forget_requests
DELETE FROM requests WHERE id IN ({begun_there})

-- name: forget_submissions
DELETE FROM submissions WHERE request_id IN ({begun_there})

-- name: forget_deliveries
DELETE FROM deliveries WHERE seq > :after AND seq <= :until

-- name: forget_events
DELETE FROM events WHERE seq > :after AND seq <= :until

-- name: forget_ended_reservations
-- Of windows that ended a day before; they are kept so long because a clock may be set back.
DELETE FROM reservations WHERE window_start < :before - 86400000 - window_length

-- name: counter_value
SELECT value FROM counters
WHERE name = :name AND window_length = :window_length AND window_start = :window_start

-- name: add_to_counter
-- Guarded: the limit holds whatever was read before.
INSERT INTO counters (name, window_length, window_start, value)
SELECT :name, :window_length, :window_start, :amount WHERE :amount <= :most
ON CONFLICT (name, window_length, window_start) DO UPDATE SET value = counters.value + :amount
  WHERE counters.value + :amount <= :most

-- name: take_from_counter
-- A window that has ended is not touched by this, nor is the one after it; no counter falls below zero.
UPDATE counters SET value = CASE WHEN value > :amount THEN value - :amount ELSE 0 END
WHERE name = :name AND window_length = :window_length AND window_start = :window_start

-- name: forget_counters
-- Windows that ended a day ago; they are kept so long because a clock may be set back.
DELETE FROM counters
WHERE name = :name AND window_length = :window_length AND window_start < :now - 86400000 - :window_length

-- name: reserve
INSERT INTO reservations (holder, name, window_length, window_start, amount)
VALUES (:holder, :name, :window_length, :window_start, :amount)

-- name: reservations_of
SELECT name, window_length, window_start, amount FROM reservations WHERE holder = :holder

-- name: forget_reservations
DELETE FROM reservations WHERE holder = :holder

-- name: forget_old_reservations
DELETE FROM reservations
WHERE name = :name AND window_length = :window_length AND window_start < :now - 86400000 - :window_length

-- name: newest_policy_event
SELECT seq FROM events WHERE name IN ('policy_reloaded', 'policy_rejected') ORDER BY seq DESC LIMIT 1

-- name: policy_events
-- What gates said of their policies, newest first, over an index that holds nothing else.
SELECT * FROM events WHERE name IN ('policy_reloaded', 'policy_rejected') ORDER BY seq DESC LIMIT :most

-- name: note_proxy
INSERT INTO proxies (id, standing, heard_at) VALUES (:id, :standing, :now)
ON CONFLICT (id) DO UPDATE SET standing = :standing, heard_at = :now

-- name: forget_proxies
DELETE FROM proxies WHERE heard_at < :before

-- name: proxies
SELECT standing, heard_at FROM proxies ORDER BY heard_at DESC, id

-- name: tool_call_events
-- What policies decided by themselves, newest first, over an index that holds nothing else.
SELECT * FROM events WHERE name = 'tool_call' ORDER BY seq DESC LIMIT :most

-- name: insert_grant
INSERT INTO grants (
  id, scope, session, fingerprint, request_id, tool, requester, granted_by, granted_at, expires_at, matcher, most_uses)
VALUES (
  :id, :scope, :session, :fingerprint, :request_id, :tool, :requester, :granted_by, :granted_at, :expires_at, :matcher,
  :most_uses)

-- name: grants_for_call
-- The grants that may approve the call now, oldest first; those without a matcher are for exactly one call.
SELECT * FROM grants
WHERE requester = :requester AND tool = :tool AND revoked_at IS NULL AND expires_at > :now
  AND (most_uses IS NULL OR uses < most_uses)
  AND (scope = 'always' OR session = :session) AND (matcher IS NOT NULL OR fingerprint = :fingerprint)
ORDER BY granted_at, id

-- name: asked_since
-- Something that a grant may cover by now.
SELECT 1 FROM events
WHERE seq > :after AND name IN ('request_submitted', 'request_reused', 'session_released') LIMIT 1

-- name: left_to_grants
-- What waits untouched, and some grant in force may cover.
SELECT id FROM requests
WHERE status = 'pending' AND id > :after AND expires_at > :now AND {by_who_may_not_decide}
  AND edited_arguments IS NULL AND decisions = '[]' AND EXISTS (
    SELECT 1 FROM grants WHERE grants.requester = requests.requester AND grants.tool = requests.tool
      AND revoked_at IS NULL AND grants.expires_at > :now AND (most_uses IS NULL OR uses < most_uses)
      AND (scope = 'always' OR grants.session = requests.session)
      AND (matcher IS NOT NULL OR grants.fingerprint = requests.fingerprint))
ORDER BY id LIMIT :most

-- name: denied_since
-- The first condition is that of the index.
SELECT 1 FROM requests
WHERE status IN ('pending', 'approved', 'denied') AND fingerprint = :fingerprint
  AND status = 'denied' AND decided_at >= :since AND (CAST(:session AS TEXT) IS NULL OR session = :session)
LIMIT 1

-- name: use_grant
UPDATE grants SET uses = uses + 1
WHERE id = :id AND revoked_at IS NULL AND expires_at > :now AND (most_uses IS NULL OR uses < most_uses)

-- name: requests_of_tool
-- What a requester asked of a tool, newest first.
SELECT {request_columns} FROM requests WHERE requester = :requester AND tool = :tool ORDER BY id DESC LIMIT :most

-- name: older_request
SELECT 1 FROM requests WHERE id < :before LIMIT 1

-- name: older_request_of_requester
SELECT 1 FROM requests WHERE requester = :requester AND id < :before LIMIT 1

-- name: older_call_of_tool
-- The call of a tool that was made so many calls before a request; walks the index alone.
SELECT id FROM requests WHERE tool = :tool AND id < :before ORDER BY id DESC LIMIT 1 OFFSET :skipped

-- name: older_call_of_tool_by_requester
-- `requester || ''` keeps to the index of the tool's calls, of which there are few between these ids.
SELECT 1 FROM requests
WHERE tool = :tool AND id > :above AND id < :before AND requester || '' = :requester LIMIT 1

-- name: approved_calls_of_tool
-- To which somebody said yes, and nobody no afterwards, whether they were used or not.
SELECT id FROM requests
WHERE tool = :tool AND id > :above AND id < :before AND status NOT IN ('pending', 'denied')
  AND approval_expires_at IS NOT NULL AND decisions NOT LIKE :by_policy
ORDER BY id DESC LIMIT :most

-- name: approved_calls_of_requester
-- The same of one requester.
SELECT id FROM requests
WHERE tool = :tool AND id > :above AND id < :before AND requester || '' = :requester
  AND status NOT IN ('pending', 'denied') AND approval_expires_at IS NOT NULL AND decisions NOT LIKE :by_policy
ORDER BY id DESC LIMIT :most

-- name: tools_seen
-- The names of tools, each found by one step along the index, and whether it was there before another one.
WITH RECURSIVE seen (name, number) AS (
  SELECT min(tool), 1 FROM requests
  UNION ALL
  SELECT (SELECT min(tool) FROM requests WHERE tool > name), number + 1 FROM seen
  WHERE name IS NOT NULL AND number < :most
)
SELECT name, (SELECT min(id) FROM requests WHERE tool = name)
  < (SELECT min(id) FROM requests WHERE tool = :tool) AS is_older
FROM seen WHERE name IS NOT NULL

-- name: requesters_seen
-- The same of requesters.
WITH RECURSIVE seen (name, number) AS (
  SELECT min(requester), 1 FROM requests
  UNION ALL
  SELECT (SELECT min(requester) FROM requests WHERE requester > name), number + 1 FROM seen
  WHERE name IS NOT NULL AND number < :most
)
SELECT name, (SELECT min(id) FROM requests WHERE requester = name)
  < (SELECT min(id) FROM requests WHERE requester = :requester) AS is_older
FROM seen WHERE name IS NOT NULL

-- name: servers_seen
-- The servers of so many requests that are older than one.
SELECT DISTINCT server AS name
FROM (SELECT server FROM requests WHERE id < :before ORDER BY id DESC LIMIT :most) AS older
WHERE server IS NOT NULL

-- name: waiting_for_tool
-- The same as far as it waits, oldest first, over the index of what waits.
SELECT {request_columns} FROM requests
WHERE status = 'pending' AND expires_at > :now AND requester || '' = :requester AND tool || '' = :tool ORDER BY id

-- name: hold
SELECT * FROM holds WHERE requester = :requester AND session = :session

-- name: is_held
SELECT 1 FROM holds WHERE requester = :requester AND session = :session AND released_at IS NULL

-- name: held_count
SELECT count(*) AS count FROM holds WHERE released_at IS NULL

-- name: hold_session
INSERT INTO holds (requester, session, held_by, held_at, reason)
VALUES (:requester, :session, :held_by, :held_at, :reason)
ON CONFLICT (requester, session) DO UPDATE
  SET held_by = :held_by, held_at = :held_at, reason = :reason, released_by = NULL, released_at = NULL

-- name: release_session
UPDATE holds SET released_by = :released_by, released_at = :released_at
WHERE requester = :requester AND session = :session AND released_at IS NULL

-- name: holds
-- Newest first.
SELECT * FROM holds ORDER BY held_at DESC, requester, session LIMIT :most

-- name: hold_events
SELECT * FROM events WHERE name IN ('session_held', 'session_released') AND seq > :after ORDER BY seq LIMIT :most

-- name: done_of_session
-- What was approved or ran of a session between two events; what a policy decided by itself, nobody approved.
SELECT events.* FROM requests CROSS JOIN events
WHERE requests.requester = :requester AND requests.session = :session AND events.request_id = requests.id
  AND events.seq > :after AND events.seq < :before AND (events.name = 'request_consumed'
    OR (events.name = 'request_approved' AND instr(events.body, '\"via\":\"policy\"') = 0))
ORDER BY events.seq LIMIT :most

-- name: tool_calls_between
SELECT * FROM events WHERE name = 'tool_call' AND seq > :after AND seq < :before ORDER BY seq LIMIT :most

-- name: any_of_session
SELECT 1 FROM requests WHERE requester = :requester AND session = :session LIMIT 1

-- name: requests_of_session
-- What a session asked, newest first.
SELECT {request_columns} FROM requests WHERE requester = :requester AND session = :session ORDER BY id DESC LIMIT :most

-- name: count_of_session
SELECT count(*) AS count FROM requests WHERE requester = :requester AND session = :session

-- name: grants_of_session
-- The grants that may concern a session, newest first.
SELECT * FROM grants WHERE requester = :requester AND (scope = 'always' OR session = :session)
ORDER BY granted_at DESC, id DESC LIMIT :most

-- name: granted_of_tool
-- What grants approved of a requester's calls of a tool, newest first.
SELECT {request_columns} FROM requests
WHERE requester = :requester AND tool = :tool AND instr(decisions, '"via":"grant"') > 0 ORDER BY id DESC LIMIT :most

-- name: waiting_of_session
SELECT id FROM requests
WHERE requester = :requester AND session = :session AND status = 'pending' AND expires_at > :now

-- name: revoke_grant
UPDATE grants SET revoked_by = :revoked_by, revoked_at = :now WHERE id = :id AND revoked_at IS NULL

-- name: live_grant_of_request
SELECT * FROM grants WHERE request_id = :request_id AND revoked_at IS NULL AND expires_at > :now LIMIT 1

-- name: grant
SELECT * FROM grants WHERE id = :id

-- name: grants
-- Newest first.
SELECT * FROM grants ORDER BY granted_at DESC, id DESC LIMIT :most

-- name: grants_after
SELECT * FROM grants WHERE id > :after ORDER BY id LIMIT :most

-- name: grant_events
SELECT * FROM events WHERE name IN ('grant_given', 'grant_revoked') AND seq > :after ORDER BY seq LIMIT :most

-- name: approvals_by_grants
SELECT * FROM events
WHERE name = 'request_approved' AND seq > :after AND body LIKE '%"grant":%' ORDER BY seq LIMIT :most

-- name: insert_token
INSERT INTO tokens (id, role, name, secret_hash, created_at, expires_at)
VALUES (:id, :role, :name, :secret_hash, :created_at, :expires_at)

-- name: token
SELECT * FROM tokens WHERE id = :id

-- name: tokens
-- Newest first.
SELECT * FROM tokens ORDER BY created_at DESC, id DESC LIMIT :most

-- name: tokens_after
SELECT * FROM tokens WHERE id > :after ORDER BY id LIMIT :most

-- name: revoke_token
UPDATE tokens SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL

-- name: token_events
SELECT * FROM events WHERE name IN ('token_created', 'token_revoked') AND seq > :after ORDER BY seq LIMIT :most

-- name: submission
SELECT request_id, body_hash FROM submissions WHERE requester = :requester AND key = :key

-- name: submission_of_request
-- The first of those that met the request.
SELECT timeout, has_context FROM submissions
WHERE request_id = :request_id AND requester = :requester ORDER BY submitted_at, key LIMIT 1

-- name: insert_submission
INSERT INTO submissions (requester, key, body_hash, request_id, timeout, has_context, submitted_at)
VALUES (:requester, :key, :body_hash, :request_id, :timeout, :has_context, :submitted_at)

-- name: requests_touched
-- Which requests the newest events speak of.
SELECT seq, request_id FROM events WHERE seq > :after ORDER BY seq LIMIT :most

-- name: sink
SELECT last_seq FROM sinks WHERE id = :sink

-- name: add_sink
INSERT INTO sinks (id, last_seq) VALUES (:sink, :last)

-- name: move_sink
-- Guarded: what another deliverer took up is not taken up again.
UPDATE sinks SET last_seq = :last WHERE id = :sink AND last_seq = :after

-- name: {notice_of_request}
-- A notice now, or, where there is a delay, a reminder so long after the request was made.
  CASE WHEN :delay = 0 THEN 'requested' ELSE 'reminder' END, requests.id,
  CASE WHEN :delay = 0 THEN :now ELSE created_at + :delay END,
  CASE WHEN :delay = 0 THEN :now ELSE created_at + :delay END

-- name: {still_to_announce}
-- It waits, and its reminder does not come together with the notice itself.
  status = 'pending' AND expires_at > :now AND (:delay = 0 OR created_at + :delay > :now)

-- name: take_up_waiting
-- What waits now, for a sink that is new.
INSERT INTO deliveries (sink, seq, kind, request_id, wanted_at, due_at)
SELECT :sink, events.seq, {notice_of_request}
FROM requests CROSS JOIN events
WHERE events.request_id = requests.id AND events.name = 'request_submitted' AND {still_to_announce}

-- name: take_up_requested
-- What was asked since and still waits: what a grant approved at once is not announced.
INSERT INTO deliveries (sink, seq, kind, request_id, wanted_at, due_at)
SELECT :sink, events.seq, {notice_of_request}
FROM events CROSS JOIN requests
WHERE events.seq > :after AND events.seq <= :last AND events.name = 'request_submitted'
  AND requests.id = events.request_id AND {still_to_announce}

-- name: take_up_decided
-- Of what a policy decided by itself nobody is told: nobody was asked. In these events, only a decision's own quotes are
-- written so; what a requester says of a withdrawal is not looked at.
INSERT INTO deliveries (sink, seq, kind, request_id, wanted_at, due_at)
SELECT :sink, seq, 'decided', request_id, at, at FROM events
WHERE seq > :after AND seq <= :last AND at > :oldest
  AND name IN ('request_approved', 'request_denied', 'request_revoked', 'request_cancelled')
  AND (name IN ('request_revoked', 'request_cancelled') OR instr(body, '\"via\":\"policy\"') = 0)

-- name: take_up_expired
-- Only what nobody decided: an approval that nobody used is the requester's matter.
INSERT INTO deliveries (sink, seq, kind, request_id, wanted_at, due_at)
SELECT :sink, seq, 'expired', request_id, at, at FROM events
WHERE seq > :after AND seq <= :last AND at > :oldest AND name = 'request_expired' AND body LIKE '%"from":"pending"%'

-- name: due_deliveries
SELECT deliveries.seq AS seq, kind, deliveries.request_id AS request_id, wanted_at, attempts, events.name AS event, at,
  tool, server, requester, risk, status, expires_at, approval_expires_at
FROM deliveries
JOIN requests ON requests.id = deliveries.request_id
JOIN events ON events.seq = deliveries.seq
WHERE sink = :sink AND due_at <= :now AND leased_until <= :now
ORDER BY due_at, deliveries.seq LIMIT :most

-- name: due_delivery
SELECT 1 FROM deliveries WHERE sink = :sink AND due_at <= :now AND leased_until <= :now LIMIT 1

-- name: lease_delivery
UPDATE deliveries SET holder = :holder, leased_until = :leased_until, attempts = attempts + 1
WHERE sink = :sink AND seq = :seq AND kind = :kind AND leased_until <= :now

-- name: drop_delivery
DELETE FROM deliveries WHERE sink = :sink AND seq = :seq AND kind = :kind AND leased_until <= :now

-- name: confirm_delivery
DELETE FROM deliveries WHERE sink = :sink AND seq = :seq AND kind = :kind AND holder = :holder

-- name: fail_delivery
UPDATE deliveries SET due_at = :due_at, failure = :failure, holder = NULL, leased_until = 0
WHERE sink = :sink AND seq = :seq AND kind = :kind AND holder = :holder

-- name: old_deliveries
SELECT sink, seq, kind, request_id, attempts, failure FROM deliveries
WHERE wanted_at <= :before AND leased_until <= :now ORDER BY wanted_at LIMIT :most
