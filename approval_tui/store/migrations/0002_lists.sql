-- What waits, in the order in which it is listed.
CREATE INDEX requests_waiting ON requests (id, expires_at, status) WHERE status = 'pending';

-- The columns of an index's condition stand in the index too: so a count reads no rows.
DROP INDEX requests_pending;
CREATE INDEX requests_pending ON requests (expires_at, id, status) WHERE status = 'pending';
DROP INDEX requests_approved;
CREATE INDEX requests_approved ON requests (approval_expires_at, id, status) WHERE status = 'approved';
DROP INDEX requests_claimed;
CREATE INDEX requests_claimed ON requests (claim_expires_at, id, status, outcome)
  WHERE status = 'consumed' AND outcome IS NULL;
