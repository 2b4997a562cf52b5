-- Which attempt at something a request is, as JSON; it never changes either.
ALTER TABLE requests ADD COLUMN attempt TEXT;
CREATE TRIGGER requests_attempt_is_fixed BEFORE UPDATE OF attempt ON requests
BEGIN SELECT RAISE(ABORT, 'what a request asks for never changes'); END;

-- Standing approvals that a reviewer gave: for one call of one requester, by its fingerprint.
DROP TABLE grants;
CREATE TABLE grants (
  id TEXT NOT NULL PRIMARY KEY,
  scope TEXT NOT NULL CHECK (scope IN ('session', 'always')),
  session TEXT,
  fingerprint TEXT NOT NULL,
  request_id TEXT NOT NULL,
  tool TEXT NOT NULL,
  requester TEXT NOT NULL,
  granted_by TEXT NOT NULL,
  granted_at INTEGER NOT NULL CHECK (typeof(granted_at) = 'integer'),
  expires_at INTEGER NOT NULL CHECK (typeof(expires_at) = 'integer'),
  uses INTEGER NOT NULL DEFAULT 0 CHECK (typeof(uses) = 'integer' AND uses >= 0),
  revoked_by TEXT,
  revoked_at INTEGER CHECK (typeof(revoked_at) IN ('integer', 'null')),
  CHECK (scope <> 'session' OR session IS NOT NULL)
);
CREATE INDEX grants_by_call ON grants (fingerprint, session) WHERE revoked_at IS NULL;

CREATE TRIGGER grants_are_fixed BEFORE UPDATE OF
  id, scope, session, fingerprint, request_id, tool, requester, granted_by, granted_at, expires_at ON grants
BEGIN SELECT RAISE(ABORT, 'what a grant approves never changes'); END;

CREATE TRIGGER grants_stay_revoked BEFORE UPDATE OF revoked_by, revoked_at ON grants
WHEN OLD.revoked_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a grant that was revoked stays so'); END;

CREATE TRIGGER grants_are_not_replaced BEFORE INSERT ON grants
WHEN EXISTS (SELECT 1 FROM grants WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what a grant approves never changes'); END;

CREATE TRIGGER grants_are_kept BEFORE DELETE ON grants
BEGIN SELECT RAISE(ABORT, 'grants are revoked and kept'); END;

-- What was granted and revoked; there are few of these among many events.
CREATE INDEX events_of_grants ON events (seq) WHERE name IN ('grant_given', 'grant_revoked');
