-- Requests, one row each; every change of `status` goes through a guarded statement with its event.
CREATE TABLE requests (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id GLOB 'apr_*'),
  status TEXT NOT NULL
    CHECK (status IN ('pending', 'approved', 'denied', 'expired', 'cancelled', 'consumed')),
  version INTEGER NOT NULL CHECK (typeof(version) = 'integer'),
  tool TEXT NOT NULL,
  server TEXT,
  requester TEXT NOT NULL,
  session TEXT,
  context TEXT NOT NULL,
  arguments TEXT NOT NULL,
  edited_arguments TEXT,
  reason TEXT,
  risk TEXT,
  rule_hash TEXT,
  requirements TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  digest TEXT NOT NULL,
  created_at INTEGER NOT NULL CHECK (typeof(created_at) = 'integer'),
  expires_at INTEGER NOT NULL CHECK (typeof(expires_at) = 'integer'),
  approval_lifetime INTEGER NOT NULL CHECK (typeof(approval_lifetime) = 'integer'),
  approval_expires_at INTEGER CHECK (typeof(approval_expires_at) IN ('integer', 'null')),
  decided_at INTEGER CHECK (typeof(decided_at) IN ('integer', 'null')),
  decisions TEXT NOT NULL DEFAULT '[]',
  consumed_at INTEGER CHECK (typeof(consumed_at) IN ('integer', 'null')),
  claim_hash TEXT,
  claim_expires_at INTEGER CHECK (typeof(claim_expires_at) IN ('integer', 'null')),
  outcome TEXT CHECK (outcome IN ('succeeded', 'failed', 'not_run')),
  outcome_at INTEGER CHECK (typeof(outcome_at) IN ('integer', 'null')),
  outcome_detail TEXT,
  CHECK (status <> 'approved' OR approval_expires_at IS NOT NULL),
  CHECK (status <> 'consumed' OR (consumed_at IS NOT NULL AND claim_hash IS NOT NULL))
);

CREATE INDEX requests_pending ON requests (expires_at, id) WHERE status = 'pending';
CREATE INDEX requests_approved ON requests (approval_expires_at, id) WHERE status = 'approved';
CREATE INDEX requests_claimed ON requests (claim_expires_at, id) WHERE status = 'consumed' AND outcome IS NULL;
CREATE INDEX requests_reusable ON requests (fingerprint, id) WHERE status IN ('pending', 'approved', 'denied');
CREATE INDEX requests_decided_by_status ON requests (status, id) WHERE status <> 'pending';
CREATE INDEX requests_by_requester ON requests (requester, id);

-- A second wall behind the guarded statements: no other status change, no change of the call, no deletion.
CREATE TRIGGER requests_lifecycle BEFORE UPDATE OF status ON requests
WHEN OLD.status <> NEW.status AND OLD.status || '>' || NEW.status NOT IN (
  'pending>approved', 'pending>denied', 'pending>expired', 'pending>cancelled',
  'approved>consumed', 'approved>expired', 'approved>denied', 'approved>cancelled',
  'consumed>approved')
BEGIN SELECT RAISE(ABORT, 'no rule of the lifecycle allows this change of status'); END;

CREATE TRIGGER requests_call_is_fixed BEFORE UPDATE OF
  id, tool, server, requester, session, context, arguments, reason, risk, rule_hash, requirements,
  fingerprint, created_at, expires_at, approval_lifetime ON requests
BEGIN SELECT RAISE(ABORT, 'what a request asks for never changes'); END;

CREATE TRIGGER requests_are_kept BEFORE DELETE ON requests
WHEN NOT EXISTS (SELECT 1 FROM segments)
BEGIN SELECT RAISE(ABORT, 'requests are deleted only with a sealed segment'); END;

-- The audit log: a chain of hashes over canonical bodies.
CREATE TABLE events (
  seq INTEGER NOT NULL PRIMARY KEY,
  request_id TEXT,
  name TEXT NOT NULL,
  at INTEGER NOT NULL CHECK (typeof(at) = 'integer'),
  body TEXT NOT NULL,
  hash TEXT NOT NULL
);

CREATE INDEX events_of_request ON events (request_id, seq);

-- Sealed segments: up to `last_seq` the log may be pruned, and `last_hash` keeps the chain provable.
CREATE TABLE segments (
  number INTEGER NOT NULL PRIMARY KEY,
  last_seq INTEGER NOT NULL UNIQUE,
  last_hash TEXT NOT NULL,
  sealed_at INTEGER NOT NULL
);

CREATE TRIGGER events_are_append_only_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER events_are_append_only_delete BEFORE DELETE ON events
WHEN OLD.seq > coalesce((SELECT max(last_seq) FROM segments), 0)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- Standing approvals that a reviewer gave.
CREATE TABLE grants (
  id TEXT NOT NULL PRIMARY KEY,
  matcher TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('session', 'always')),
  session TEXT,
  granted_by TEXT NOT NULL,
  granted_at INTEGER NOT NULL CHECK (typeof(granted_at) = 'integer'),
  expires_at INTEGER CHECK (typeof(expires_at) IN ('integer', 'null')),
  most_uses INTEGER,
  uses INTEGER NOT NULL DEFAULT 0,
  revoked_by TEXT,
  revoked_at INTEGER
);

-- What policy rules count, by key and window.
CREATE TABLE counters (
  key TEXT NOT NULL,
  window_start INTEGER NOT NULL,
  window_length INTEGER NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (key, window_start)
);
