-- What proxies say of themselves: one row for each run, kept for a week after it was heard of last.
CREATE TABLE proxies (
  id TEXT NOT NULL PRIMARY KEY,
  standing TEXT NOT NULL,
  heard_at INTEGER NOT NULL CHECK (typeof(heard_at) = 'integer')
);

-- Calls that a policy decided by itself, for whoever asks which rules deny most.
CREATE INDEX events_of_calls ON events (seq) WHERE name = 'tool_call';
