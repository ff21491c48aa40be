-- The log, the payments and what belongs to them. Amounts are decimal strings of atomic units (TEXT), times are
-- milliseconds since 1970. Immutable: a later change is a new file.

-- One row. `head` is the offset of the newest record: incremented in the transaction that writes the record, so that
-- offsets follow the order of commits and have no gaps. Records up to `trimmed_to` are no longer there.
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  mode TEXT NOT NULL CHECK (mode IN ('sandbox', 'live')),
  epoch TEXT NOT NULL,
  head INTEGER NOT NULL CHECK (head >= 0),
  trimmed_to INTEGER NOT NULL CHECK (trimmed_to BETWEEN 0 AND head)
) STRICT;

CREATE TABLE log_records (
  offset INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  merchant_id TEXT NOT NULL,
  payment_id TEXT,
  sequence INTEGER,
  at_ms INTEGER NOT NULL,
  data TEXT NOT NULL,
  topics TEXT NOT NULL
) STRICT;

-- Which records concern a topic: nobody reads what does not concern him.
CREATE TABLE log_topics (
  topic TEXT NOT NULL,
  offset INTEGER NOT NULL,
  PRIMARY KEY (topic, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE payments (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  chain TEXT NOT NULL,
  asset TEXT NOT NULL,
  decimals INTEGER NOT NULL,
  amount TEXT,
  address TEXT,
  recipient TEXT,
  derivation_index INTEGER,
  derived_from TEXT,
  uri TEXT,
  reference TEXT,
  customer TEXT,
  items TEXT,
  metadata TEXT,
  status TEXT NOT NULL,
  is_open INTEGER NOT NULL CHECK (is_open IN (0, 1)),
  amount_state TEXT NOT NULL,
  delivery TEXT NOT NULL,
  flags TEXT NOT NULL,
  received TEXT NOT NULL,
  covering_tx_id TEXT,
  confirmations INTEGER NOT NULL,
  confirmations_required INTEGER NOT NULL,
  final_confirmations INTEGER NOT NULL,
  claimed_at_ms INTEGER,
  sequence INTEGER NOT NULL CHECK (sequence > 0),
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  monitor_until_ms INTEGER,
  deadline_ms INTEGER,
  erased_at_ms INTEGER
) STRICT;

CREATE INDEX payments_by_recipient ON payments (chain, recipient, merchant_id, created_at_ms)
  WHERE recipient IS NOT NULL;
-- Not unique: a payment may open again (a reorg, late funds) while a newer one waits on its address. That a new one is
-- refused there is checked in the transaction that creates it.
CREATE INDEX payments_open_by_recipient ON payments (chain, recipient, merchant_id, created_at_ms)
  WHERE is_open = 1;
CREATE INDEX payments_by_deadline ON payments (chain, deadline_ms, id) WHERE deadline_ms IS NOT NULL;
CREATE INDEX payments_by_merchant ON payments (merchant_id, created_at_ms, id) WHERE erased_at_ms IS NULL;
CREATE INDEX payments_by_reference ON payments (merchant_id, reference, created_at_ms, id)
  WHERE erased_at_ms IS NULL AND reference IS NOT NULL;
CREATE INDEX payments_by_customer ON payments (merchant_id, customer, created_at_ms, id)
  WHERE erased_at_ms IS NULL AND customer IS NOT NULL;
CREATE INDEX payments_by_status ON payments (merchant_id, status, created_at_ms, id) WHERE erased_at_ms IS NULL;

-- `number` is the order in which they became known. A transfer credits at most one payment of a merchant.
CREATE TABLE transfers (
  number INTEGER PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  payment_id TEXT NOT NULL REFERENCES payments (id),
  chain TEXT NOT NULL,
  tx_id TEXT NOT NULL,
  idx TEXT NOT NULL,
  asset TEXT NOT NULL,
  amount TEXT NOT NULL,
  recipient TEXT NOT NULL,
  status TEXT NOT NULL,
  confirmations INTEGER NOT NULL,
  block_height INTEGER,
  block_hash TEXT,
  block_time_ms INTEGER,
  first_seen_at_ms INTEGER NOT NULL,
  replaceable INTEGER NOT NULL CHECK (replaceable IN (0, 1)),
  replaced_by TEXT,
  spends TEXT NOT NULL,
  due_height INTEGER,
  UNIQUE (chain, tx_id, idx, merchant_id)
) STRICT;

CREATE INDEX transfers_by_payment ON transfers (payment_id, number);
CREATE INDEX transfers_by_due_height ON transfers (chain, due_height, payment_id) WHERE due_height IS NOT NULL;
CREATE INDEX transfers_by_block ON transfers (chain, block_hash, number) WHERE block_hash IS NOT NULL;
CREATE INDEX transfers_open ON transfers (chain, number)
  WHERE status IN ('seen', 'included', 'confirmed', 'orphaned');

-- `credit_time_ms`: the latest moment at which it can have been sent, as it was known best.
CREATE TABLE unattributed_transfers (
  merchant_id TEXT NOT NULL,
  chain TEXT NOT NULL,
  tx_id TEXT NOT NULL,
  idx TEXT NOT NULL,
  credit_time_ms INTEGER NOT NULL,
  PRIMARY KEY (merchant_id, chain, tx_id, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE watcher_progress (
  chain TEXT PRIMARY KEY,
  cursor TEXT NOT NULL,
  head_height INTEGER NOT NULL,
  watched_until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotent_answers (
  merchant_id TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  http_status INTEGER NOT NULL,
  body TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  payment_id TEXT,
  PRIMARY KEY (merchant_id, key)
) STRICT;

CREATE INDEX idempotent_answers_by_age ON idempotent_answers (at_ms);
CREATE INDEX idempotent_answers_by_payment ON idempotent_answers (payment_id) WHERE payment_id IS NOT NULL;

-- Where an answer shows several payments: all but the first, which is in its row.
CREATE TABLE answered_payments (
  payment_id TEXT NOT NULL,
  merchant_id TEXT NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (payment_id, merchant_id, key),
  FOREIGN KEY (merchant_id, key) REFERENCES idempotent_answers (merchant_id, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX answered_payments_by_answer ON answered_payments (merchant_id, key);

CREATE TABLE merchants (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE merchant_xpubs (
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  chain TEXT NOT NULL,
  xpub TEXT NOT NULL,
  PRIMARY KEY (merchant_id, chain)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  kind TEXT NOT NULL CHECK (kind IN ('secret', 'publishable')),
  hash TEXT NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER
) STRICT;

CREATE INDEX api_keys_by_merchant ON api_keys (merchant_id, created_at_ms, id);

-- Which index comes next of what addresses are derived from (an extended public key, however it is written and whoever
-- has it), and the highest one whose address was ever paid (-1: none).
CREATE TABLE derivation_cursors (
  chain TEXT NOT NULL,
  derived_from TEXT NOT NULL,
  next_index INTEGER NOT NULL,
  last_used_index INTEGER NOT NULL,
  PRIMARY KEY (chain, derived_from)
) STRICT, WITHOUT ROWID;
