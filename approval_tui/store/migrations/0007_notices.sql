-- Where notices go, by a hash of kind and URL; up to `last_seq` the audit log was turned into deliveries.
CREATE TABLE sinks (
  id TEXT NOT NULL PRIMARY KEY,
  last_seq INTEGER NOT NULL CHECK (typeof(last_seq) = 'integer')
);

-- Notices that are still to be delivered, each once for its sink; `wanted_at` is when it was to go out first.
CREATE TABLE deliveries (
  sink TEXT NOT NULL,
  seq INTEGER NOT NULL CHECK (typeof(seq) = 'integer'),
  kind TEXT NOT NULL CHECK (kind IN ('requested', 'decided', 'expired', 'reminder')),
  request_id TEXT NOT NULL,
  wanted_at INTEGER NOT NULL CHECK (typeof(wanted_at) = 'integer'),
  due_at INTEGER NOT NULL CHECK (typeof(due_at) = 'integer'),
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (typeof(attempts) = 'integer'),
  leased_until INTEGER NOT NULL DEFAULT 0 CHECK (typeof(leased_until) = 'integer'),
  holder TEXT,
  failure TEXT,
  PRIMARY KEY (sink, seq, kind)
);
CREATE INDEX deliveries_by_due_time ON deliveries (sink, due_at);
CREATE INDEX deliveries_by_age ON deliveries (wanted_at);
