-- What becomes of arguments that a reviewer puts in the place of the agent's; they run, unless it says otherwise.
ALTER TABLE requests ADD COLUMN edit_taken_as TEXT CHECK (edit_taken_as IN ('denial'));
CREATE TRIGGER requests_edit_taken_as_is_fixed BEFORE UPDATE OF edit_taken_as ON requests
BEGIN SELECT RAISE(ABORT, 'what a request asks for never changes'); END;

-- What a session asked, and what was asked of a tool before, in order.
CREATE INDEX requests_by_session ON requests (requester, session, id) WHERE session IS NOT NULL;
CREATE INDEX requests_by_tool ON requests (tool, id);

-- A grant approves what its matcher covers, so many times at most; one without a matcher exactly its call.
ALTER TABLE grants ADD COLUMN matcher TEXT;
ALTER TABLE grants ADD COLUMN most_uses INTEGER CHECK (typeof(most_uses) IN ('integer', 'null'));
DROP INDEX grants_by_call;
CREATE INDEX grants_by_call ON grants (requester, tool) WHERE revoked_at IS NULL;
CREATE TRIGGER grants_matchers_are_fixed BEFORE UPDATE OF matcher, most_uses ON grants
BEGIN SELECT RAISE(ABORT, 'what a grant approves never changes'); END;
CREATE TRIGGER grants_are_not_unused BEFORE UPDATE OF uses ON grants
WHEN NEW.uses < OLD.uses OR (OLD.most_uses IS NOT NULL AND NEW.uses > OLD.most_uses)
BEGIN SELECT RAISE(ABORT, 'a grant approves no more often than was granted'); END;

-- Sessions that a reviewer holds back: while one is held, nothing of it runs and nothing of it is approved.
CREATE TABLE holds (
  requester TEXT NOT NULL,
  session TEXT NOT NULL,
  held_by TEXT NOT NULL,
  held_at INTEGER NOT NULL CHECK (typeof(held_at) = 'integer'),
  reason TEXT,
  released_by TEXT,
  released_at INTEGER CHECK (typeof(released_at) IN ('integer', 'null')),
  PRIMARY KEY (requester, session)
);
CREATE TRIGGER holds_are_kept BEFORE DELETE ON holds
BEGIN SELECT RAISE(ABORT, 'holds are released and kept'); END;

-- What was held and released; there are few of these among many events.
CREATE INDEX events_of_holds ON events (seq) WHERE name IN ('session_held', 'session_released');
