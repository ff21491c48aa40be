-- The simulated chain of the sandbox. Blocks and transactions are never deleted: a dropped block stays readable.

CREATE TABLE sandbox_chain (
  one SMALLINT PRIMARY KEY CHECK (one = 1),
  next_number BIGINT NOT NULL
);

CREATE TABLE sandbox_blocks (
  hash TEXT COLLATE "C" PRIMARY KEY,
  height BIGINT NOT NULL,
  parent_hash TEXT,
  time_ms BIGINT NOT NULL,
  tx_ids TEXT NOT NULL,
  is_best SMALLINT NOT NULL CHECK (is_best IN (0, 1))
);

CREATE UNIQUE INDEX sandbox_best_chain ON sandbox_blocks (height) WHERE is_best = 1;

CREATE TABLE sandbox_transactions (
  tx_id TEXT COLLATE "C" PRIMARY KEY,
  number BIGINT NOT NULL,
  outputs TEXT NOT NULL,
  spends TEXT NOT NULL,
  fails SMALLINT NOT NULL CHECK (fails IN (0, 1)),
  first_seen_at_ms BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  block_hash TEXT,
  replaced_by TEXT
);

CREATE INDEX sandbox_mempool ON sandbox_transactions (number) WHERE status = 'mempool';
