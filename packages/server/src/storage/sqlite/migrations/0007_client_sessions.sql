-- What clients without a cursor of their own have joined, so that they have it again when they come back. Rewritten when
-- a session is seen, so the rows with the lowest rowid are those that were not seen for the longest. `joined` is JSON.

CREATE TABLE client_sessions (
  id TEXT NOT NULL UNIQUE,
  merchant_id TEXT NOT NULL,
  joined TEXT NOT NULL,
  seen_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX client_sessions_by_age ON client_sessions (seen_at_ms);
