-- The nodes that use this database, as they tell each other of themselves about once a second; see nodes.ts. Not logged:
-- nothing of it has to last.
CREATE UNLOGGED TABLE nodes (
  id TEXT COLLATE "C" PRIMARY KEY,
  seen_at TIMESTAMPTZ NOT NULL,
  told TEXT NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
