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

CREATE FUNCTION keep_unless_sealed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF OLD.status IN ('pending', 'approved') OR (OLD.status = 'consumed' AND OLD.outcome IS NULL)
    OR EXISTS (SELECT 1 FROM events WHERE request_id = OLD.id AND seq > last_sealed())
    OR NOT EXISTS (SELECT 1 FROM segments)
  THEN
    RAISE EXCEPTION 'requests are deleted only with a sealed segment' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER requests_are_kept BEFORE DELETE ON requests FOR EACH ROW EXECUTE FUNCTION keep_unless_sealed();

-- The log is one chain: an event is taken only as the next link, with the hash that belongs there.
CREATE FUNCTION follow_the_log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  head audit_head;
  body bytea := convert_to(replace(NEW.body, U&'\+10FFFF1', U&'\+10FFFF'), 'UTF8');
BEGIN
  SELECT * INTO STRICT head FROM audit_head FOR UPDATE;
  IF NEW.seq <> head.seq + 1 OR NEW.at < head.at OR NEW.hash <> 'v1:sha256:' || encode(sha256(convert_to(
    E'approval-tui:event:v1\n' || NEW.seq || E'\n' || head.hash || E'\nv1:sha256:' || encode(sha256(body), 'hex'),
    'UTF8')), 'hex')
  THEN
    RAISE EXCEPTION 'the audit log is append-only, and this does not follow its end'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  UPDATE audit_head SET seq = NEW.seq, hash = NEW.hash, at = NEW.at;
  RETURN NEW;
END $$;
CREATE TRIGGER events_follow_the_log BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION follow_the_log();

CREATE FUNCTION end_of_log() RETURNS TABLE (seq bigint, hash text, at bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT seq, hash, at FROM audit_head FOR UPDATE
$$;

CREATE TRIGGER events_are_append_only_update BEFORE UPDATE ON events
FOR EACH ROW EXECUTE FUNCTION refuse('the audit log is append-only');
CREATE TRIGGER events_are_append_only_delete BEFORE DELETE ON events
FOR EACH ROW WHEN (OLD.seq > last_sealed()) EXECUTE FUNCTION refuse('the audit log is append-only');
CREATE TRIGGER events_are_not_truncated BEFORE TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the audit log is append-only');
CREATE TRIGGER end_of_log_is_moved_by_events BEFORE UPDATE OR DELETE ON audit_head
FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse('the audit log is append-only');
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
CREATE TRIGGER grants_are_kept BEFORE DELETE ON grants
FOR EACH ROW EXECUTE FUNCTION refuse('grants are revoked and kept');
CREATE TRIGGER grants_are_not_truncated BEFORE TRUNCATE ON grants
FOR EACH STATEMENT EXECUTE FUNCTION refuse('grants are revoked and kept');

CREATE TRIGGER tokens_are_fixed BEFORE UPDATE OF id, role, name, secret_hash, created_at, expires_at ON tokens
FOR EACH ROW EXECUTE FUNCTION refuse('what a token permits never changes');
CREATE TRIGGER tokens_stay_revoked BEFORE UPDATE OF revoked_at ON tokens
FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL) EXECUTE FUNCTION refuse('a token that was revoked stays so');
CREATE TRIGGER tokens_are_kept BEFORE DELETE ON tokens
FOR EACH ROW EXECUTE FUNCTION refuse('tokens are revoked and kept');
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

CREATE TRIGGER holds_are_kept BEFORE DELETE ON holds
FOR EACH ROW EXECUTE FUNCTION refuse('holds are released and kept');
CREATE TRIGGER holds_are_not_truncated BEFORE TRUNCATE ON holds
FOR EACH STATEMENT EXECUTE FUNCTION refuse('holds are released and kept');

