-- What a database role meets here that does not own the store: `approval-tui store init` says who that is and gives it
-- its privileges (see `drivers/postgres_roles.py`). An agent's role submits and uses its own requests; a reviewer's
-- decides. Our own statements obey all of this; it is for who has a role's credentials and writes SQL.

-- Whose requester's name is whose: it belongs to the role that used it first.
CREATE TABLE requesters (
  name text COLLATE "C" NOT NULL PRIMARY KEY,
  role name NOT NULL DEFAULT current_user
);

CREATE FUNCTION standing() RETURNS text LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT CASE WHEN pg_has_role(relowner, 'USAGE') THEN 'owner'
    WHEN has_column_privilege(oid, 'decisions', 'UPDATE') THEN 'reviewer' ELSE 'agent' END
  FROM pg_class WHERE oid = 'requests'::regclass
$$;

CREATE FUNCTION now_in_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
$$;

-- A JSON text, in which a NUL is written as texts hold it here; jsonb knows none.
CREATE FUNCTION as_json(value text) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN strpos(value, E'\\u0000') = 0 THEN value
    ELSE regexp_replace(value, E'(?<!\\\\)((?:\\\\\\\\)*)\\\\u0000', E'\\1' || chr(1114111) || '0', 'g') END::jsonb
$$;

-- An object that every reader can read: not nested too deep, and without numbers that are none to others.
CREATE FUNCTION is_readable(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path FROM CURRENT AS $$
DECLARE
  read jsonb;
BEGIN
  IF left(value, 1) <> '{' OR right(value, 1) <> '}' THEN
    RETURN false;
  END IF;
  read := as_json(value);
  RETURN NOT jsonb_path_exists(read, 'strict $.**{101 to last}')
    AND NOT jsonb_path_exists(read, 'strict $.** ? (@.type() == "number" && (@ > 1.7e308 || @ < -1.7e308))');
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN false;
END $$;

CREATE FUNCTION not_allowed(why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', why USING ERRCODE = 'insufficient_privilege';
END $$;

-- A moment that an agent writes: about now.
CREATE FUNCTION is_about_now(moment bigint) RETURNS boolean LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
  SELECT moment IS NOT NULL AND moment BETWEEN now_in_ms() - 300000 AND now_in_ms() + 1000
$$;

-- An older state of the tables than that of this moment could hide that a session was held or a grant revoked.
CREATE FUNCTION refuse_old_states() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM not_allowed('agents write at READ COMMITTED');
  END IF;
END $$;

-- Takes the name for this role where nobody has it.
CREATE FUNCTION claim_name(requester text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF coalesce(requester, '') = '' THEN
    PERFORM not_allowed('that is no requester''s name');
  END IF;
  INSERT INTO requesters (name) VALUES (requester) ON CONFLICT DO NOTHING;
  IF NOT EXISTS (SELECT 1 FROM requesters WHERE name = requester AND role = current_user) THEN
    PERFORM not_allowed(format('the requester''s name %L belongs to another database role', requester));
  END IF;
END $$;

-- Requests: one begins as pending, and changes as the lifecycle says, each column only with the step that sets it.
CREATE FUNCTION begin_fresh() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  needs jsonb;
  id_ms bigint;
BEGIN
  IF NEW.status <> 'pending' OR NEW.version <> 1 THEN
    PERFORM not_allowed('a request begins as pending');
  END IF;
  IF standing() <> 'agent' THEN
    INSERT INTO requesters (name) VALUES (NEW.requester) ON CONFLICT DO NOTHING;
    RETURN NEW;
  END IF;
  PERFORM refuse_old_states();
  IF NEW.id !~ '^apr_[0-9a-f]{32}$' THEN
    PERFORM not_allowed('that is no id of a request');
  END IF;
  id_ms := ('x' || substr(NEW.id, 5, 12))::bit(48)::bigint;
  IF abs(id_ms - now_in_ms()) > 86400000 OR NOT is_about_now(NEW.created_at) THEN
    PERFORM not_allowed('a request is made now; is the clock right?');
  END IF;
  IF NEW.expires_at NOT BETWEEN NEW.created_at + 1 AND NEW.created_at + 315576000000
    OR NEW.approval_lifetime NOT BETWEEN 1 AND 315576000000
    OR octet_length(NEW.arguments) > 8388608 OR NOT is_readable(NEW.arguments)
    OR octet_length(NEW.context) > 524288 OR NOT is_readable(NEW.context)
    OR greatest(length(NEW.tool), length(NEW.server), length(NEW.requester), length(NEW.session)) > 512
    OR '' IN (NEW.tool, NEW.requester)
    OR length(NEW.reason) > 32768 OR NEW.risk NOT IN ('low', 'medium', 'high')
    OR octet_length(NEW.requirements) > 1048576 OR NOT is_readable(NEW.requirements)
    OR octet_length(NEW.attempt) > 1000 OR NOT is_readable(NEW.attempt)
    OR length(NEW.rule_hash) > 512
    OR NEW.fingerprint !~ '^v1:sha256:[0-9a-f]{64}$' OR NEW.digest !~ '^v1:sha256:[0-9a-f]{64}$'
  THEN
    PERFORM not_allowed('that is no request that approval-tui writes');
  END IF;
  needs := as_json(NEW.requirements);
  IF needs - '{quorum,reviewers,reason_required,evidence}'::text[] <> '{}'
    OR NOT coalesce(needs ->> 'quorum' ~ '^[1-9][0-9]{0,5}$' AND jsonb_typeof(needs -> 'quorum') = 'number', false)
    OR jsonb_typeof(needs -> 'reason_required') IS DISTINCT FROM 'boolean'
    OR coalesce(needs ->> 'evidence', '') NOT IN ('none', 'shown')
    OR jsonb_typeof(needs -> 'reviewers') IS DISTINCT FROM 'array'
    OR jsonb_path_exists(needs, 'strict $.reviewers[*] ? (@.type() <> "string")')
  THEN
    PERFORM not_allowed('these are no requirements that approval-tui writes');
  END IF;
  PERFORM claim_name(NEW.requester);
  RETURN NEW;
END $$;
CREATE TRIGGER requests_begin_fresh BEFORE INSERT ON requests FOR EACH ROW WHEN (standing() <> 'owner')
EXECUTE FUNCTION begin_fresh();

CREATE FUNCTION change_by_rule() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  step text := OLD.status || '>' || NEW.status;
BEGIN
  IF NEW.version NOT IN (OLD.version, OLD.version + 1) THEN
    PERFORM not_allowed('a version grows by one');
  END IF;
  IF NEW.decisions <> OLD.decisions AND (
    step NOT IN ('pending>pending', 'pending>approved', 'pending>denied', 'approved>denied')
    OR NOT starts_with(NEW.decisions, left(OLD.decisions, -1)))
  THEN
    PERFORM not_allowed('decisions are added, and never changed');
  END IF;
  IF (NEW.digest <> OLD.digest OR NEW.edited_arguments IS DISTINCT FROM OLD.edited_arguments)
    AND step <> 'pending>pending'
  THEN
    PERFORM not_allowed('what was decided on never changes');
  END IF;
  IF NEW.approval_expires_at IS DISTINCT FROM OLD.approval_expires_at AND step <> 'pending>approved'
    OR NEW.decided_at IS DISTINCT FROM OLD.decided_at
      AND (NEW.status = OLD.status OR 'consumed' IN (OLD.status, NEW.status))
    OR (NEW.consumed_at, NEW.claim_hash, NEW.claim_expires_at) IS DISTINCT FROM
      (OLD.consumed_at, OLD.claim_hash, OLD.claim_expires_at) AND step NOT IN ('approved>consumed', 'consumed>approved')
    OR (NEW.outcome, NEW.outcome_at, NEW.outcome_detail) IS DISTINCT FROM
      (OLD.outcome, OLD.outcome_at, OLD.outcome_detail)
      AND (step <> 'consumed>consumed' OR OLD.outcome IS NOT NULL OR NEW.outcome IS NULL)
    OR step = 'consumed>approved' AND (OLD.outcome IS NOT NULL
      OR num_nonnulls(NEW.consumed_at, NEW.claim_hash, NEW.claim_expires_at) > 0)
  THEN
    PERFORM not_allowed('no step of a request''s life changes it so');
  END IF;
  IF standing() = 'agent' THEN
    PERFORM refuse_old_states();
    IF step NOT IN ('pending>pending', 'approved>approved', 'consumed>consumed', 'denied>denied', 'expired>expired',
      'cancelled>cancelled', 'pending>cancelled', 'approved>cancelled', 'pending>expired', 'approved>expired',
      'approved>consumed', 'consumed>approved')
    THEN
      PERFORM not_allowed('an agent does not decide');
    END IF;
    IF NEW.decided_at IS DISTINCT FROM OLD.decided_at AND NOT is_about_now(NEW.decided_at)
      OR NEW.status IN ('cancelled', 'expired') AND NEW.status <> OLD.status AND NEW.decided_at IS NULL
      OR NEW.outcome IS DISTINCT FROM OLD.outcome AND NOT is_about_now(NEW.outcome_at)
      OR length(NEW.outcome_detail) > 32768
      OR step = 'pending>expired' AND NEW.expires_at > now_in_ms()
      OR step = 'approved>consumed' AND NOT coalesce(is_about_now(NEW.consumed_at)
        AND NEW.claim_hash ~ '^v1:sha256:[0-9a-f]{64}$'
        AND NEW.claim_expires_at BETWEEN NEW.consumed_at + 1 AND NEW.consumed_at + 315576000000, false)
    THEN
      PERFORM not_allowed('that is no step that approval-tui takes for an agent now');
    END IF;
    IF 'consumed' IN (OLD.status, NEW.status) AND (
      NEW.status <> OLD.status AND OLD.approval_expires_at <= now_in_ms()
      OR (NEW.status <> OLD.status OR NEW.outcome IS DISTINCT FROM OLD.outcome) AND OLD.claim_expires_at <= now_in_ms())
    THEN
      -- Whoever began in time looks again, and finds it expired or in doubt.
      RAISE EXCEPTION 'the time of the approval or of its claim has passed' USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER requests_change_by_rule BEFORE UPDATE ON requests FOR EACH ROW WHEN (standing() <> 'owner')
EXECUTE FUNCTION change_by_rule();

-- An agent uses no approval of a session that is held, or of a grant that does not hold any more. The session is kept
-- from being held meanwhile, by the lock that `held.lock_session` takes.
CREATE FUNCTION consume_what_holds() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  key text := 'session:' || length(OLD.requester) || ':' || OLD.requester || ':' || OLD.session;
  space oid := (SELECT relnamespace FROM pg_class WHERE oid = TG_RELID);
  named text;
BEGIN
  IF OLD.session IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(
      ('x' || left(encode(sha256(convert_to(space || ':' || key, 'UTF8')), 'hex'), 16))::bit(64)::bigint);
    IF EXISTS (
      SELECT 1 FROM holds WHERE requester = OLD.requester AND session = OLD.session AND released_at IS NULL)
    THEN
      PERFORM not_allowed('its session is held back');
    END IF;
  END IF;
  SELECT as_json(body) -> 'details' ->> 'grant' INTO named
  FROM events WHERE request_id = OLD.id AND name = 'request_approved' ORDER BY seq DESC LIMIT 1;
  IF named IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM grants g WHERE g.id = named AND g.revoked_at IS NULL AND g.expires_at > now_in_ms()
      AND NOT EXISTS (
        SELECT 1 FROM requests r WHERE r.fingerprint = OLD.fingerprint AND r.status = 'denied'
          AND r.decided_at >= g.granted_at AND (g.scope = 'always' OR r.session = g.session)))
  THEN
    PERFORM not_allowed('the grant that approved it does not hold any more');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER requests_consume_what_holds BEFORE UPDATE OF status ON requests FOR EACH ROW
WHEN (OLD.status = 'approved' AND NEW.status = 'consumed' AND standing() = 'agent')
EXECUTE FUNCTION consume_what_holds();

-- Events: nobody but the owner, who copies stores, brings one with its number, or one of another time than now. By its
-- name, this trigger comes before the one that links the event, and all others after it.
CREATE FUNCTION be_of_now() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.seq IS NOT NULL OR NEW.hash IS NOT NULL OR (standing() = 'agent' AND NOT is_about_now(NEW.at))
    OR NEW.at IS NULL OR NEW.at > now_in_ms() + 60000
  THEN
    PERFORM not_allowed('an event is of now, and the log says which it is');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER events_and_their_time BEFORE INSERT ON events FOR EACH ROW WHEN (standing() <> 'owner')
EXECUTE FUNCTION be_of_now();

-- Each says what it is, leads on from what the log says before it, and is one that its writer may write.
CREATE FUNCTION say_by_rule() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  told jsonb := as_json(NEW.body);
  details jsonb := told -> 'details';
  before text;
  after text;
BEGIN
  IF told - '{event,request,at,changes,details}'::text[] <> '{}'
    OR told ->> 'event' IS DISTINCT FROM NEW.name OR told ->> 'request' IS DISTINCT FROM NEW.request_id
    OR told -> 'at' IS DISTINCT FROM to_jsonb(NEW.at)
    OR jsonb_typeof(told -> 'changes') IS DISTINCT FROM 'object' OR jsonb_typeof(details) IS DISTINCT FROM 'object'
  THEN
    PERFORM not_allowed('an event''s columns are those of its body');
  END IF;
  IF NEW.name IN ('request_submitted', 'vote_recorded', 'request_edited', 'request_approved', 'request_denied',
    'request_revoked', 'request_expired', 'request_cancelled', 'request_consumed', 'claim_rolled_back',
    'outcome_reported', 'claim_resolved')
  THEN
    before := (
      SELECT as_json(body) -> 'changes' ->> 'status' FROM events
      WHERE request_id = NEW.request_id AND strpos(body, '"status":') > 0
        AND as_json(body) -> 'changes' ->> 'status' IS NOT NULL
      ORDER BY seq DESC LIMIT 1);
    after := coalesce(told -> 'changes' ->> 'status', before);
    IF NEW.request_id IS NULL OR NEW.name || ' ' || coalesce(before, 'nothing') || '>' || coalesce(after, 'nothing')
      NOT IN (
      'request_submitted nothing>pending', 'vote_recorded pending>pending', 'request_edited pending>pending',
      'request_approved pending>approved', 'request_denied pending>denied', 'request_revoked approved>denied',
      'request_expired pending>expired', 'request_expired approved>expired', 'request_cancelled pending>cancelled',
      'request_cancelled approved>cancelled', 'request_consumed approved>consumed',
      'claim_rolled_back consumed>approved', 'claim_rolled_back consumed>consumed',
      'outcome_reported consumed>consumed', 'claim_resolved consumed>consumed')
    THEN
      PERFORM not_allowed('the log does not lead there');
    END IF;
  ELSIF told -> 'changes' <> '{}' THEN
    PERFORM not_allowed('such an event changes nothing');
  END IF;
  IF standing() = 'agent' THEN
    PERFORM refuse_old_states();
    IF NEW.name NOT IN ('request_submitted', 'request_reused', 'request_expired', 'request_cancelled',
      'request_consumed', 'claim_rolled_back', 'outcome_reported', 'outcome_reported_late', 'tool_call',
      'tool_call_not_run', 'policy_reloaded', 'policy_rejected')
      OR NEW.request_id IS NULL
        AND NEW.name NOT IN ('tool_call', 'tool_call_not_run', 'policy_reloaded', 'policy_rejected')
      OR NEW.request_id IS NOT NULL AND NEW.name IN ('tool_call_not_run', 'policy_reloaded', 'policy_rejected')
      OR NEW.name = 'request_expired' AND details ->> 'by' IS NOT NULL
    THEN
      PERFORM not_allowed('that is no event of an agent');
    END IF;
    IF octet_length(NEW.body) > 2097152
      OR jsonb_path_exists(told, 'strict $.changes.* ? (@.type() == "object" || @.type() == "array")')
      OR jsonb_path_exists(told, 'strict $.details.* ? (@.type() == "object")')
      OR jsonb_path_exists(told, 'strict $.details.* ? (@.type() == "array")[*] ? (@.type() == "object" || @.type() == "array")')
    THEN
      PERFORM not_allowed('that is no event that approval-tui writes');
    END IF;
    IF NEW.request_id IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM requests WHERE id = NEW.request_id AND submitted_by = current_user)
    THEN
      PERFORM not_allowed('an agent speaks of its own requests');
    END IF;
    IF NEW.name = 'tool_call' OR NEW.name LIKE 'policy%' AND details ->> 'requester' IS NOT NULL THEN
      PERFORM claim_name(details ->> 'requester');
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER events_are_by_rule BEFORE INSERT ON events FOR EACH ROW WHEN (standing() <> 'owner')
EXECUTE FUNCTION say_by_rule();

-- When a transaction ends, each request in it is what the log says of it (as `audit verify` asks), so that nothing
-- happens that the log does not know, and the log knows nothing that did not happen.
CREATE FUNCTION agree_with_log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  which text;
  stands jsonb;
  told jsonb;
  is_told_from_the_beginning boolean;
BEGIN
  IF TG_TABLE_NAME = 'requests' THEN
    which := NEW.id;
  ELSE
    which := NEW.request_id;
  END IF;
  SELECT jsonb_strip_nulls(jsonb_build_object('status', status, 'digest', digest, 'fingerprint', fingerprint,
      'created_at', created_at, 'expires_at', expires_at, 'approval_lifetime', approval_lifetime,
      'approval_expires_at', approval_expires_at, 'requirements', requirements, 'edited_arguments', edited_arguments,
      'decided_at', decided_at, 'decisions', decisions, 'consumed_at', consumed_at, 'claim_hash', claim_hash,
      'claim_expires_at', claim_expires_at, 'outcome', outcome, 'outcome_at', outcome_at,
      'outcome_detail', outcome_detail, 'attempt', attempt, 'edit_taken_as', edit_taken_as)),
    jsonb_strip_nulls(log.changes), coalesce(log.is_whole, false)
  INTO stands, told, is_told_from_the_beginning
  FROM requests LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(key, value ORDER BY seq) AS changes, bool_or(name = 'request_submitted') AS is_whole
    FROM events CROSS JOIN LATERAL jsonb_each(as_json(body) -> 'changes')
    WHERE request_id = which
  ) AS log ON true
  WHERE id = which;
  IF NOT is_told_from_the_beginning AND TG_NAME <> 'requests_begin_in_the_log' AND EXISTS (SELECT 1 FROM segments) THEN
    RETURN NULL;  -- its beginning was pruned
  END IF;
  IF told IS DISTINCT FROM stands THEN
    PERFORM not_allowed('a request is what the log says of it');
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER requests_begin_in_the_log AFTER INSERT ON requests DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (standing() <> 'owner') EXECUTE FUNCTION agree_with_log();
CREATE CONSTRAINT TRIGGER requests_agree_with_the_log AFTER UPDATE ON requests DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (
  (OLD.status, OLD.digest, OLD.edited_arguments, OLD.decisions, OLD.approval_expires_at, OLD.decided_at,
    OLD.consumed_at, OLD.claim_hash, OLD.claim_expires_at, OLD.outcome, OLD.outcome_at, OLD.outcome_detail)
  IS DISTINCT FROM
  (NEW.status, NEW.digest, NEW.edited_arguments, NEW.decisions, NEW.approval_expires_at, NEW.decided_at,
    NEW.consumed_at, NEW.claim_hash, NEW.claim_expires_at, NEW.outcome, NEW.outcome_at, NEW.outcome_detail)
  AND standing() <> 'owner') EXECUTE FUNCTION agree_with_log();
CREATE CONSTRAINT TRIGGER events_agree_with_requests AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.request_id IS NOT NULL AND standing() <> 'owner') EXECUTE FUNCTION agree_with_log();

-- What an agent's role sees: its own. For reviewers `store init` adds a policy to each of these tables.
ALTER TABLE requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE requesters ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_ones_own ON requesters USING (role = current_user);
CREATE POLICY of_ones_own ON requests USING (submitted_by = current_user);
CREATE POLICY of_ones_own ON grants FOR SELECT USING (requester IN (SELECT name FROM requesters));
CREATE POLICY of_ones_own ON holds FOR SELECT USING (requester IN (SELECT name FROM requesters));
CREATE POLICY of_ones_own ON events FOR SELECT USING (
  name IN ('policy_reloaded', 'policy_rejected')
  OR EXISTS (SELECT 1 FROM requests WHERE requests.id = events.request_id)
  OR (name IN ('grant_given', 'grant_revoked')
    AND EXISTS (SELECT 1 FROM grants WHERE grants.request_id = events.request_id)));
CREATE POLICY to_be_said ON events FOR INSERT WITH CHECK (
  request_id IS NULL OR EXISTS (SELECT 1 FROM requests WHERE requests.id = events.request_id));

-- A trigger's function may be hung on any table of whoever may execute it, such as a temporary one that looks like ours.
REVOKE EXECUTE ON FUNCTION last_sealed() FROM PUBLIC;
DO $$
DECLARE
  each regprocedure;
BEGIN
  FOR each IN SELECT oid FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace AND prorettype = 'trigger'::regtype
      AND pg_has_role(proowner, 'USAGE')
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
  END LOOP;
END $$;
