-- What policy rules count: one row for each window of each counter.
DROP TABLE counters;
CREATE TABLE counters (
  name TEXT NOT NULL,
  window_length INTEGER NOT NULL,
  window_start INTEGER NOT NULL,
  value INTEGER NOT NULL CHECK (typeof(value) = 'integer' AND value >= 0),
  PRIMARY KEY (name, window_length, window_start)
);

-- What each call added to them; it is kept until the call gave it back, or a day after its window ended.
CREATE TABLE reservations (
  holder TEXT NOT NULL,
  name TEXT NOT NULL,
  window_length INTEGER NOT NULL,
  window_start INTEGER NOT NULL,
  amount INTEGER NOT NULL CHECK (typeof(amount) = 'integer' AND amount >= 0),
  PRIMARY KEY (holder, name, window_length)
);
CREATE INDEX reservations_by_window ON reservations (name, window_length, window_start);

-- What gates said of their policies; there are few of these among many events.
CREATE INDEX events_of_policies ON events (seq) WHERE name IN ('policy_reloaded', 'policy_rejected');
