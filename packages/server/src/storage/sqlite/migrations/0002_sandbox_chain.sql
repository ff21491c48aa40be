-- The simulated chain of the sandbox. Blocks and transactions are never deleted: a dropped block stays readable.

CREATE TABLE sandbox_chain (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  next_number INTEGER NOT NULL
) STRICT;

CREATE TABLE sandbox_blocks (
  hash TEXT PRIMARY KEY,
  height INTEGER NOT NULL,
  parent_hash TEXT,
  time_ms INTEGER NOT NULL,
  tx_ids TEXT NOT NULL,
  is_best INTEGER NOT NULL CHECK (is_best IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sandbox_best_chain ON sandbox_blocks (height) WHERE is_best = 1;

CREATE TABLE sandbox_transactions (
  tx_id TEXT PRIMARY KEY,
  number INTEGER NOT NULL,
  outputs TEXT NOT NULL,
  spends TEXT NOT NULL,
  fails INTEGER NOT NULL CHECK (fails IN (0, 1)),
  first_seen_at_ms INTEGER NOT NULL,
  status TEXT NOT NULL,
  block_hash TEXT,
  replaced_by TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX sandbox_mempool ON sandbox_transactions (number) WHERE status = 'mempool';
