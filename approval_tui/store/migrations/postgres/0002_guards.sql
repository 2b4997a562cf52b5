-- A second wall behind the guarded statements: what it refuses, no statement of ours asks for.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE FUNCTION instr(whole text, part text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT strpos(whole, part)
$$;

CREATE TRIGGER requests_lifecycle BEFORE UPDATE OF status ON requests FOR EACH ROW
WHEN (OLD.status <> NEW.status AND OLD.status || '>' || NEW.status NOT IN (
  'pending>approved', 'pending>denied', 'pending>expired', 'pending>cancelled',
  'approved>consumed', 'approved>expired', 'approved>denied', 'approved>cancelled',
  'consumed>approved'))
EXECUTE FUNCTION refuse('no rule of the lifecycle allows this change of status');

CREATE TRIGGER requests_call_is_fixed BEFORE UPDATE OF
  id, tool, server, requester, session, context, arguments, reason, risk, rule_hash, requirements,
  fingerprint, created_at, expires_at, approval_lifetime, attempt, edit_taken_as, submitted_by ON requests
FOR EACH ROW EXECUTE FUNCTION refuse('what a request asks for never changes');

CREATE FUNCTION last_sealed() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT coalesce(max(last_seq), 0) FROM segments
$$;

-- What is only said of a request after it was sealed changes nothing of it, and does not keep it.
CREATE FUNCTION keep_unless_sealed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF OLD.status IN ('pending', 'approved') OR (OLD.status = 'consumed' AND OLD.outcome IS NULL)
    OR EXISTS (
      SELECT 1 FROM events WHERE request_id = OLD.id AND seq > last_sealed()
        AND name NOT IN ('request_reused', 'decision_made_late', 'outcome_reported_late', 'tool_call', 'grant_given',
          'grant_revoked'))
    OR NOT EXISTS (SELECT 1 FROM segments)
  THEN
    RAISE EXCEPTION 'requests are deleted only with a sealed segment' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER requests_are_kept BEFORE DELETE ON requests FOR EACH ROW EXECUTE FUNCTION keep_unless_sealed();

-- The log is one chain. A writer brings an event without its number and hash, and with a body that lacks the time at its
-- beginning: they are added here, so that the end of the log is held for no trip over the wire. An event that is whole,
-- as a copy brings it, is taken only as the next link.
CREATE FUNCTION event_hash(number bigint, previous text, body text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT 'v1:sha256:' || encode(sha256(convert_to(
    E'approval-tui:event:v1\n' || number || E'\n' || previous || E'\nv1:sha256:' || encode(sha256(convert_to(
      replace(body, U&'\+10FFFF1', U&'\+10FFFF'), 'UTF8')), 'hex'), 'UTF8')), 'hex')
$$;

CREATE FUNCTION follow_the_log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  head audit_head;
BEGIN
  SELECT * INTO STRICT head FROM audit_head FOR UPDATE;
  IF NEW.seq IS NULL THEN
    NEW.seq := head.seq + 1;
    NEW.at := greatest(NEW.at, head.at);
    NEW.body := '{"at":' || NEW.at || ',' || NEW.body;
    NEW.hash := event_hash(NEW.seq, head.hash, NEW.body);
  ELSIF NEW.seq <> head.seq + 1 OR NEW.at < head.at OR NEW.hash <> event_hash(NEW.seq, head.hash, NEW.body) THEN
    RAISE EXCEPTION 'the audit log is append-only, and this does not follow its end'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  UPDATE audit_head SET seq = NEW.seq, hash = NEW.hash, at = NEW.at;
  RETURN NEW;
END $$;
-- By its name it is the first of the log's triggers, so that the others see the whole event.
CREATE TRIGGER events_are_a_chain BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION follow_the_log();

CREATE TRIGGER events_are_append_only_update BEFORE UPDATE ON events
FOR EACH ROW EXECUTE FUNCTION refuse('the audit log is append-only');
CREATE TRIGGER events_are_append_only_delete BEFORE DELETE ON events
FOR EACH ROW WHEN (OLD.seq > last_sealed()) EXECUTE FUNCTION refuse('the audit log is append-only');
CREATE TRIGGER events_are_not_truncated BEFORE TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the audit log is append-only');
-- Before the first event, a copy of a log that was pruned may say where it begins.
CREATE TRIGGER end_of_log_is_moved_by_events BEFORE UPDATE ON audit_head
FOR EACH ROW WHEN (OLD.seq > 0 AND pg_trigger_depth() = 0) EXECUTE FUNCTION refuse('the audit log is append-only');
CREATE TRIGGER end_of_log_is_kept BEFORE DELETE ON audit_head
FOR EACH ROW EXECUTE FUNCTION refuse('the audit log is append-only');
CREATE TRIGGER end_of_log_is_not_truncated BEFORE TRUNCATE ON audit_head
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the audit log is append-only');
CREATE TRIGGER requests_are_not_truncated BEFORE TRUNCATE ON requests
FOR EACH STATEMENT EXECUTE FUNCTION refuse('requests are deleted only with a sealed segment');

CREATE TRIGGER grants_are_fixed BEFORE UPDATE OF
  id, scope, session, fingerprint, request_id, tool, requester, granted_by, granted_at, expires_at, matcher, most_uses
ON grants FOR EACH ROW EXECUTE FUNCTION refuse('what a grant approves never changes');
CREATE TRIGGER grants_stay_revoked BEFORE UPDATE OF revoked_by, revoked_at ON grants
FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL) EXECUTE FUNCTION refuse('a grant that was revoked stays so');
CREATE TRIGGER grants_are_not_unused BEFORE UPDATE OF uses ON grants
FOR EACH ROW WHEN (NEW.uses < OLD.uses OR (OLD.most_uses IS NOT NULL AND NEW.uses > OLD.most_uses))
EXECUTE FUNCTION refuse('a grant approves no more often than was granted');
CREATE FUNCTION keep_grant_unless_sealed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM segments)
    OR (OLD.revoked_at IS NULL AND OLD.expires_at > (SELECT max(sealed_at) FROM segments))
    OR EXISTS (
      SELECT 1 FROM events WHERE request_id = OLD.request_id AND seq > last_sealed()
        AND name IN ('grant_given', 'grant_revoked') AND strpos(body, OLD.id) > 0)
  THEN
    RAISE EXCEPTION 'grants are revoked and kept' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER grants_are_kept BEFORE DELETE ON grants FOR EACH ROW EXECUTE FUNCTION keep_grant_unless_sealed();
CREATE TRIGGER grants_are_not_truncated BEFORE TRUNCATE ON grants
FOR EACH STATEMENT EXECUTE FUNCTION refuse('grants are revoked and kept');

CREATE TRIGGER tokens_are_fixed BEFORE UPDATE OF id, role, name, secret_hash, created_at, expires_at ON tokens
FOR EACH ROW EXECUTE FUNCTION refuse('what a token permits never changes');
CREATE TRIGGER tokens_stay_revoked BEFORE UPDATE OF revoked_at ON tokens
FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL) EXECUTE FUNCTION refuse('a token that was revoked stays so');
CREATE FUNCTION keep_token_unless_sealed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM segments)
    OR (OLD.revoked_at IS NULL
      AND (OLD.expires_at IS NULL OR OLD.expires_at > (SELECT max(sealed_at) FROM segments)))
    OR EXISTS (
      SELECT 1 FROM events WHERE name IN ('token_created', 'token_revoked') AND seq > last_sealed()
        AND strpos(body, OLD.id) > 0)
  THEN
    RAISE EXCEPTION 'tokens are revoked and kept' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER tokens_are_kept BEFORE DELETE ON tokens FOR EACH ROW EXECUTE FUNCTION keep_token_unless_sealed();
CREATE TRIGGER tokens_are_not_truncated BEFORE TRUNCATE ON tokens
FOR EACH STATEMENT EXECUTE FUNCTION refuse('tokens are revoked and kept');

CREATE TRIGGER submissions_are_fixed BEFORE UPDATE ON submissions
FOR EACH ROW EXECUTE FUNCTION refuse('what a submission met never changes');
CREATE FUNCTION keep_with_request() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM requests WHERE id = OLD.request_id) THEN
    RAISE EXCEPTION 'submissions are kept as long as their requests' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER submissions_are_kept BEFORE DELETE ON submissions FOR EACH ROW EXECUTE FUNCTION keep_with_request();

CREATE FUNCTION keep_hold_unless_sealed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM segments) OR OLD.released_at IS NULL
    OR OLD.released_at > (SELECT at FROM events WHERE seq > last_sealed() ORDER BY seq LIMIT 1)
  THEN
    RAISE EXCEPTION 'holds are released and kept' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER holds_are_kept BEFORE DELETE ON holds FOR EACH ROW EXECUTE FUNCTION keep_hold_unless_sealed();
CREATE TRIGGER holds_are_not_truncated BEFORE TRUNCATE ON holds
FOR EACH STATEMENT EXECUTE FUNCTION refuse('holds are released and kept');

CREATE TRIGGER segments_are_fixed BEFORE UPDATE OR DELETE ON segments
FOR EACH ROW EXECUTE FUNCTION refuse('a sealed segment never changes');
CREATE TRIGGER segments_are_not_truncated BEFORE TRUNCATE ON segments
FOR EACH STATEMENT EXECUTE FUNCTION refuse('a sealed segment never changes');
-- A store without a log takes the segments of one whose log is brought here after them.
CREATE FUNCTION follow_the_segments() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.number <> coalesce((SELECT max(number) FROM segments), 0) + 1 OR NEW.last_seq <= last_sealed()
    OR (EXISTS (SELECT 1 FROM events)
      AND NOT EXISTS (SELECT 1 FROM events WHERE seq = NEW.last_seq AND hash = NEW.last_hash))
  THEN
    RAISE EXCEPTION 'a segment ends with an event that is there, after the one before it'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER segments_follow_one_another BEFORE INSERT ON segments
FOR EACH ROW EXECUTE FUNCTION follow_the_segments();
