-- Texts are compared byte by byte, as SQLite does. A NUL, which PostgreSQL's texts cannot hold, is written as U+10FFFF
-- and a 0, and U+10FFFF itself with a 1.
CREATE TABLE requests (
  id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(id) = 36 AND id LIKE 'apr\_%'),
  status text COLLATE "C" NOT NULL
    CHECK (status IN ('pending', 'approved', 'denied', 'expired', 'cancelled', 'consumed')),
  version bigint NOT NULL,
  tool text COLLATE "C" NOT NULL,
  server text COLLATE "C",
  requester text COLLATE "C" NOT NULL,
  session text COLLATE "C",
  context text COLLATE "C" NOT NULL,
  arguments text COLLATE "C" NOT NULL,
  edited_arguments text COLLATE "C",
  reason text COLLATE "C",
  risk text COLLATE "C",
  rule_hash text COLLATE "C",
  requirements text COLLATE "C" NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  approval_lifetime bigint NOT NULL,
  approval_expires_at bigint,
  decided_at bigint,
  decisions text COLLATE "C" NOT NULL DEFAULT '[]',
  consumed_at bigint,
  claim_hash text COLLATE "C",
  claim_expires_at bigint,
  outcome text COLLATE "C" CHECK (outcome IN ('succeeded', 'failed', 'not_run')),
  outcome_at bigint,
  outcome_detail text COLLATE "C",
  attempt text COLLATE "C",
  edit_taken_as text COLLATE "C" CHECK (edit_taken_as IN ('denial')),
  submitted_by name NOT NULL DEFAULT current_user,
  CHECK (status <> 'approved' OR approval_expires_at IS NOT NULL),
  CHECK (status <> 'consumed' OR (consumed_at IS NOT NULL AND claim_hash IS NOT NULL))
);

CREATE INDEX requests_waiting ON requests (id, expires_at, status) WHERE status = 'pending';
CREATE INDEX requests_pending ON requests (expires_at, id, status) WHERE status = 'pending';
CREATE INDEX requests_approved ON requests (approval_expires_at, id, status) WHERE status = 'approved';
CREATE INDEX requests_claimed ON requests (claim_expires_at, id, status, outcome)
  WHERE status = 'consumed' AND outcome IS NULL;
CREATE INDEX requests_reusable ON requests (fingerprint, id) WHERE status IN ('pending', 'approved', 'denied');
CREATE INDEX requests_decided_by_status ON requests (status, id) WHERE status <> 'pending';
CREATE INDEX requests_by_requester ON requests (requester, id);
CREATE INDEX requests_by_session ON requests (requester, session, id) WHERE session IS NOT NULL;
CREATE INDEX requests_by_tool ON requests (tool, id);

-- The audit log: a chain of hashes over canonical bodies.
CREATE TABLE events (
  seq bigint NOT NULL PRIMARY KEY,
  request_id text COLLATE "C",
  name text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  body text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL
);

CREATE INDEX events_of_request ON events (request_id, seq);
CREATE INDEX events_of_policies ON events (seq) WHERE name IN ('policy_reloaded', 'policy_rejected');
CREATE INDEX events_of_calls ON events (seq) WHERE name = 'tool_call';
CREATE INDEX events_of_grants ON events (seq) WHERE name IN ('grant_given', 'grant_revoked');
CREATE INDEX events_of_tokens ON events (seq) WHERE name IN ('token_created', 'token_revoked');
CREATE INDEX events_of_holds ON events (seq) WHERE name IN ('session_held', 'session_released');
CREATE INDEX events_of_seals ON events (seq) WHERE name = 'segment_sealed';

-- The end of the log, in one row, which every writer takes before it links its events.
CREATE TABLE audit_head (
  is_only boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (is_only),
  seq bigint NOT NULL,
  hash text COLLATE "C" NOT NULL,
  at bigint NOT NULL
) WITH (fillfactor = 20);
INSERT INTO audit_head (seq, hash, at)
VALUES (0, 'v1:sha256:0000000000000000000000000000000000000000000000000000000000000000', 0);

-- Sealed segments: up to `last_seq` the log may be pruned, and `last_hash` keeps the chain provable.
CREATE TABLE segments (
  number bigint NOT NULL PRIMARY KEY,
  last_seq bigint NOT NULL UNIQUE,
  last_hash text COLLATE "C" NOT NULL,
  sealed_at bigint NOT NULL
);

-- Standing approvals that a reviewer gave.
CREATE TABLE grants (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  scope text COLLATE "C" NOT NULL CHECK (scope IN ('session', 'always')),
  session text COLLATE "C",
  fingerprint text COLLATE "C" NOT NULL,
  request_id text COLLATE "C" NOT NULL,
  tool text COLLATE "C" NOT NULL,
  requester text COLLATE "C" NOT NULL,
  granted_by text COLLATE "C" NOT NULL,
  granted_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  uses bigint NOT NULL DEFAULT 0 CHECK (uses >= 0),
  revoked_by text COLLATE "C",
  revoked_at bigint,
  matcher text COLLATE "C",
  most_uses bigint,
  CHECK (scope <> 'session' OR session IS NOT NULL)
);
CREATE INDEX grants_by_call ON grants (requester, tool) WHERE revoked_at IS NULL;

-- What policy rules count, what each call added to it, and what proxies say of themselves.
CREATE TABLE counters (
  name text COLLATE "C" NOT NULL,
  window_length bigint NOT NULL,
  window_start bigint NOT NULL,
  value bigint NOT NULL CHECK (value >= 0),
  PRIMARY KEY (name, window_length, window_start)
);
CREATE TABLE reservations (
  holder text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  window_length bigint NOT NULL,
  window_start bigint NOT NULL,
  amount bigint NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (holder, name, window_length)
);
CREATE INDEX reservations_by_window ON reservations (name, window_length, window_start);
CREATE TABLE proxies (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  standing text COLLATE "C" NOT NULL,
  heard_at bigint NOT NULL
);

-- Who may use a server, and as whom, and which request each submission over HTTP met.
CREATE TABLE tokens (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  role text COLLATE "C" NOT NULL CHECK (role IN ('reviewer', 'agent')),
  name text COLLATE "C" NOT NULL,
  secret_hash text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  revoked_at bigint
);
CREATE TABLE submissions (
  requester text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  body_hash text COLLATE "C" NOT NULL,
  request_id text COLLATE "C" NOT NULL,
  timeout text COLLATE "C" NOT NULL,
  has_context integer NOT NULL CHECK (has_context IN (0, 1)),
  submitted_at bigint NOT NULL,
  PRIMARY KEY (requester, key)
);
CREATE INDEX submissions_of_request ON submissions (request_id);

-- Where notices go, and those that are still to be delivered.
CREATE TABLE sinks (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  last_seq bigint NOT NULL
);
CREATE TABLE deliveries (
  sink text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('requested', 'decided', 'expired', 'reminder')),
  request_id text COLLATE "C" NOT NULL,
  wanted_at bigint NOT NULL,
  due_at bigint NOT NULL,
  attempts bigint NOT NULL DEFAULT 0,
  leased_until bigint NOT NULL DEFAULT 0,
  holder text COLLATE "C",
  failure text COLLATE "C",
  PRIMARY KEY (sink, seq, kind)
);
CREATE INDEX deliveries_by_due_time ON deliveries (sink, due_at);
CREATE INDEX deliveries_by_age ON deliveries (wanted_at);

-- Sessions that a reviewer holds back.
CREATE TABLE holds (
  requester text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  held_by text COLLATE "C" NOT NULL,
  held_at bigint NOT NULL,
  reason text COLLATE "C",
  released_by text COLLATE "C",
  released_at bigint,
  PRIMARY KEY (requester, session)
);
