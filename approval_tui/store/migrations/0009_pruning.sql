-- What is pruned: what ended before the last sealed event, and nothing else; a segment stays as it was sealed. What is
-- only said of a request after it was sealed changes nothing of it, and does not keep it.
DROP TRIGGER requests_are_kept;
CREATE TRIGGER requests_are_kept BEFORE DELETE ON requests
WHEN NOT EXISTS (SELECT 1 FROM segments)
  OR OLD.status IN ('pending', 'approved') OR (OLD.status = 'consumed' AND OLD.outcome IS NULL)
  OR EXISTS (
    SELECT 1 FROM events WHERE request_id = OLD.id AND seq > (SELECT max(last_seq) FROM segments)
      AND name NOT IN ('request_reused', 'decision_made_late', 'outcome_reported_late', 'tool_call', 'grant_given',
        'grant_revoked'))
BEGIN SELECT RAISE(ABORT, 'requests are deleted only with a sealed segment'); END;

DROP TRIGGER grants_are_kept;
CREATE TRIGGER grants_are_kept BEFORE DELETE ON grants
WHEN NOT EXISTS (SELECT 1 FROM segments)
  OR (OLD.revoked_at IS NULL AND OLD.expires_at > (SELECT max(sealed_at) FROM segments))
  OR EXISTS (
    SELECT 1 FROM events WHERE request_id = OLD.request_id AND seq > (SELECT max(last_seq) FROM segments)
      AND name IN ('grant_given', 'grant_revoked') AND instr(body, OLD.id) > 0)
BEGIN SELECT RAISE(ABORT, 'grants are revoked and kept'); END;

DROP TRIGGER tokens_are_kept;
CREATE TRIGGER tokens_are_kept BEFORE DELETE ON tokens
WHEN NOT EXISTS (SELECT 1 FROM segments)
  OR (OLD.revoked_at IS NULL
    AND (OLD.expires_at IS NULL OR OLD.expires_at > (SELECT max(sealed_at) FROM segments)))
  OR EXISTS (
    SELECT 1 FROM events WHERE name IN ('token_created', 'token_revoked')
      AND seq > (SELECT max(last_seq) FROM segments) AND instr(body, OLD.id) > 0)
BEGIN SELECT RAISE(ABORT, 'tokens are revoked and kept'); END;

DROP TRIGGER holds_are_kept;
CREATE TRIGGER holds_are_kept BEFORE DELETE ON holds
WHEN NOT EXISTS (SELECT 1 FROM segments) OR OLD.released_at IS NULL OR OLD.released_at > (
  SELECT at FROM events WHERE seq > (SELECT max(last_seq) FROM segments) ORDER BY seq LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'holds are released and kept'); END;

CREATE TRIGGER segments_are_fixed BEFORE UPDATE ON segments
BEGIN SELECT RAISE(ABORT, 'a sealed segment never changes'); END;
CREATE TRIGGER segments_are_kept BEFORE DELETE ON segments
BEGIN SELECT RAISE(ABORT, 'a sealed segment never changes'); END;
-- A store without a log takes the segments of one whose log is brought here after them.
CREATE TRIGGER segments_follow_one_another BEFORE INSERT ON segments
WHEN NEW.number <> coalesce((SELECT max(number) FROM segments), 0) + 1
  OR NEW.last_seq <= coalesce((SELECT max(last_seq) FROM segments), 0)
  OR (EXISTS (SELECT 1 FROM events)
    AND NOT EXISTS (SELECT 1 FROM events WHERE seq = NEW.last_seq AND hash = NEW.last_hash))
BEGIN SELECT RAISE(ABORT, 'a segment ends with an event that is there, after the one before it'); END;

-- What was sealed; there are few of these among many events.
CREATE INDEX events_of_seals ON events (seq) WHERE name = 'segment_sealed';
