-- Who may use a server, and as whom: of each token only a hash is kept.
CREATE TABLE tokens (
  id TEXT NOT NULL PRIMARY KEY,
  role TEXT NOT NULL CHECK (role IN ('reviewer', 'agent')),
  name TEXT NOT NULL,
  secret_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL CHECK (typeof(created_at) = 'integer'),
  expires_at INTEGER CHECK (typeof(expires_at) IN ('integer', 'null')),
  revoked_at INTEGER CHECK (typeof(revoked_at) IN ('integer', 'null'))
);

CREATE TRIGGER tokens_are_fixed BEFORE UPDATE OF id, role, name, secret_hash, created_at, expires_at ON tokens
BEGIN SELECT RAISE(ABORT, 'what a token permits never changes'); END;

CREATE TRIGGER tokens_stay_revoked BEFORE UPDATE OF revoked_at ON tokens
WHEN OLD.revoked_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a token that was revoked stays so'); END;

CREATE TRIGGER tokens_are_not_replaced BEFORE INSERT ON tokens
WHEN EXISTS (SELECT 1 FROM tokens WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what a token permits never changes'); END;

CREATE TRIGGER tokens_are_kept BEFORE DELETE ON tokens
BEGIN SELECT RAISE(ABORT, 'tokens are revoked and kept'); END;

-- What was handed out and taken back; there are few of these among many events.
CREATE INDEX events_of_tokens ON events (seq) WHERE name IN ('token_created', 'token_revoked');

-- Which request each submission over HTTP met, by the requester's own key, for as long as the request is kept.
CREATE TABLE submissions (
  requester TEXT NOT NULL,
  key TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  request_id TEXT NOT NULL,
  timeout TEXT NOT NULL,
  has_context INTEGER NOT NULL CHECK (has_context IN (0, 1)),
  submitted_at INTEGER NOT NULL CHECK (typeof(submitted_at) = 'integer'),
  PRIMARY KEY (requester, key)
);
CREATE INDEX submissions_of_request ON submissions (request_id);

CREATE TRIGGER submissions_are_fixed BEFORE UPDATE ON submissions
BEGIN SELECT RAISE(ABORT, 'what a submission met never changes'); END;

CREATE TRIGGER submissions_are_kept BEFORE DELETE ON submissions
WHEN EXISTS (SELECT 1 FROM requests WHERE id = OLD.request_id)
BEGIN SELECT RAISE(ABORT, 'submissions are kept as long as their requests'); END;
