-- The log, the payments and what belongs to them. Amounts are decimal strings of atomic units, times are milliseconds
-- since 1970, lists and objects are JSON as it was written. Texts compare byte by byte (COLLATE "C"), as the program
-- compares them: a cursor must mean the same in both. Immutable: a later change is a new file.

-- One row. `head` is the offset of the newest record: raised in the transaction that writes the record, which keeps the
-- row until it has committed, so that offsets follow the order of commits and have no gaps. Records up to `trimmed_to`
-- are no longer there. Room is left on its page, so that its versions stay there.
CREATE TABLE meta (
  one SMALLINT PRIMARY KEY CHECK (one = 1),
  mode TEXT NOT NULL CHECK (mode IN ('sandbox', 'live')),
  epoch TEXT NOT NULL,
  head BIGINT NOT NULL CHECK (head >= 0),
  trimmed_to BIGINT NOT NULL CHECK (trimmed_to BETWEEN 0 AND head)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- One row per writer (a few per process): how many of its commits are stored. Raised by each: whoever lost the connection
-- while he waited for the answer reads here what became of it.
CREATE TABLE writers (
  id TEXT COLLATE "C" PRIMARY KEY,
  commits BIGINT NOT NULL,
  touched_at TIMESTAMPTZ NOT NULL DEFAULT now()
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE log_records (
  "offset" BIGINT PRIMARY KEY,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  merchant_id TEXT NOT NULL,
  payment_id TEXT,
  sequence BIGINT,
  at_ms BIGINT NOT NULL,
  data TEXT NOT NULL,
  topics TEXT NOT NULL
);

-- Which records concern a topic: nobody reads what does not concern him.
CREATE TABLE log_topics (
  topic TEXT COLLATE "C" NOT NULL,
  "offset" BIGINT NOT NULL,
  PRIMARY KEY (topic, "offset")
);

-- `number` is the order in which they were created.
CREATE TABLE payments (
  id TEXT COLLATE "C" PRIMARY KEY,
  number BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY,
  merchant_id TEXT COLLATE "C" NOT NULL,
  chain TEXT COLLATE "C" NOT NULL,
  asset TEXT NOT NULL,
  decimals INTEGER NOT NULL,
  amount TEXT,
  address TEXT,
  match TEXT,
  recipient TEXT COLLATE "C",
  derivation_index BIGINT,
  derived_from TEXT COLLATE "C",
  uri TEXT,
  reference TEXT COLLATE "C",
  customer TEXT COLLATE "C",
  items TEXT,
  metadata TEXT,
  stock TEXT CHECK (stock IN ('reserved', 'taken', 'released', 'short', 'returned')),
  order_status TEXT COLLATE "C" CHECK (order_status IN ('pending', 'completed', 'cancelled')),
  status TEXT COLLATE "C" NOT NULL,
  is_open SMALLINT NOT NULL CHECK (is_open IN (0, 1)),
  amount_state TEXT NOT NULL,
  delivery TEXT NOT NULL,
  flags TEXT NOT NULL,
  received TEXT NOT NULL,
  covering_tx_id TEXT,
  confirmations BIGINT NOT NULL,
  confirmations_required BIGINT NOT NULL,
  final_confirmations BIGINT NOT NULL,
  claimed_at_ms BIGINT,
  claimed_tx_id TEXT,
  sequence BIGINT NOT NULL CHECK (sequence > 0),
  created_at_ms BIGINT NOT NULL,
  updated_at_ms BIGINT NOT NULL,
  expires_at_ms BIGINT,
  monitor_until_ms BIGINT,
  deadline_ms BIGINT,
  erased_at_ms BIGINT
) WITH (fillfactor = 70);

CREATE INDEX payments_by_recipient ON payments (chain, recipient, merchant_id, created_at_ms, number)
  WHERE recipient IS NOT NULL;
-- Not unique: a payment may open again (a reorg, late funds) while a newer one waits on its address. That a new one is
-- refused there is checked in the transaction that creates it.
CREATE INDEX payments_open_by_recipient ON payments (chain, recipient, merchant_id, created_at_ms, number)
  WHERE is_open = 1;
CREATE INDEX payments_by_deadline ON payments (chain, deadline_ms, id) WHERE deadline_ms IS NOT NULL;
CREATE INDEX payments_by_merchant ON payments (merchant_id, created_at_ms, id) WHERE erased_at_ms IS NULL;
CREATE INDEX payments_by_reference ON payments (merchant_id, reference, created_at_ms, id)
  WHERE erased_at_ms IS NULL AND reference IS NOT NULL;
CREATE INDEX payments_by_customer ON payments (merchant_id, customer, created_at_ms, id)
  WHERE erased_at_ms IS NULL AND customer IS NOT NULL;
CREATE INDEX payments_by_status ON payments (merchant_id, status, created_at_ms, id) WHERE erased_at_ms IS NULL;

-- Not unique: an order may be pending again (a reorg, late funds) beside a newer one. That a new one is refused there is
-- checked in the transaction that creates it.
CREATE INDEX orders_by_customer ON payments (merchant_id, customer, order_status, created_at_ms, id)
  WHERE order_status IS NOT NULL;
CREATE INDEX orders_by_merchant ON payments (merchant_id, created_at_ms, id) WHERE order_status IS NOT NULL;
CREATE INDEX orders_by_status ON payments (merchant_id, order_status, created_at_ms, id) WHERE order_status IS NOT NULL;
CREATE INDEX orders_of_customer ON payments (merchant_id, customer, created_at_ms, id) WHERE order_status IS NOT NULL;

-- How many payments stand in each status. Kept by the transactions that change them, behind the counter of the log, so
-- that nobody has to count them and nobody waits for a row of it but who would wait anyway.
CREATE TABLE payment_counts (
  status TEXT COLLATE "C" PRIMARY KEY,
  payments BIGINT NOT NULL
) WITH (fillfactor = 50);

-- `number` is the order in which they became known. A transfer credits at most one payment of a merchant.
CREATE TABLE transfers (
  number BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  merchant_id TEXT COLLATE "C" NOT NULL,
  payment_id TEXT COLLATE "C" NOT NULL REFERENCES payments (id),
  chain TEXT COLLATE "C" NOT NULL,
  tx_id TEXT COLLATE "C" NOT NULL,
  idx TEXT COLLATE "C" NOT NULL,
  asset TEXT NOT NULL,
  amount TEXT NOT NULL,
  recipient TEXT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  confirmations BIGINT NOT NULL,
  block_height BIGINT,
  block_hash TEXT COLLATE "C",
  block_time_ms BIGINT,
  first_seen_at_ms BIGINT NOT NULL,
  replaceable SMALLINT NOT NULL CHECK (replaceable IN (0, 1)),
  replaced_by TEXT,
  spends TEXT NOT NULL,
  due_height BIGINT,
  UNIQUE (chain, tx_id, idx, merchant_id)
) WITH (fillfactor = 80);

CREATE INDEX transfers_by_payment ON transfers (payment_id, number);
CREATE INDEX transfers_by_due_height ON transfers (chain, due_height, payment_id) WHERE due_height IS NOT NULL;
CREATE INDEX transfers_by_block ON transfers (chain, block_hash, number) WHERE block_hash IS NOT NULL;
CREATE INDEX transfers_open ON transfers (chain, number)
  WHERE status IN ('seen', 'included', 'confirmed', 'orphaned');

-- `credit_time_ms`: the latest moment at which it can have been sent, as it was known best.
CREATE TABLE unattributed_transfers (
  merchant_id TEXT COLLATE "C" NOT NULL,
  chain TEXT COLLATE "C" NOT NULL,
  tx_id TEXT COLLATE "C" NOT NULL,
  idx TEXT COLLATE "C" NOT NULL,
  credit_time_ms BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, chain, tx_id, idx)
);

-- Addresses on which a merchant's payments are told apart by something beside them: `recipient` is the address's own match
-- key. They are watched as well, and what comes there for no payment is told to the merchant. A row stays for ever: money
-- that comes to an old address must still be noticed.
CREATE TABLE shared_addresses (
  chain TEXT COLLATE "C" NOT NULL,
  recipient TEXT COLLATE "C" NOT NULL,
  merchant_id TEXT COLLATE "C" NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (chain, recipient, merchant_id)
);

CREATE TABLE watcher_progress (
  chain TEXT COLLATE "C" PRIMARY KEY,
  cursor TEXT NOT NULL,
  head_height BIGINT NOT NULL,
  watched_until_ms BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE idempotent_answers (
  merchant_id TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  request_hash TEXT NOT NULL,
  http_status INTEGER NOT NULL,
  body TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  payment_id TEXT COLLATE "C",
  PRIMARY KEY (merchant_id, key)
);

CREATE INDEX idempotent_answers_by_age ON idempotent_answers (at_ms);
CREATE INDEX idempotent_answers_by_payment ON idempotent_answers (payment_id) WHERE payment_id IS NOT NULL;

-- Where an answer shows several payments: all but the first, which is in its row.
CREATE TABLE answered_payments (
  payment_id TEXT COLLATE "C" NOT NULL,
  merchant_id TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (payment_id, merchant_id, key),
  FOREIGN KEY (merchant_id, key) REFERENCES idempotent_answers (merchant_id, key) ON DELETE CASCADE
);

CREATE INDEX answered_payments_by_answer ON answered_payments (merchant_id, key);

-- Which index comes next of what addresses are derived from (an extended public key, however it is written and whoever
-- has it), and the highest one whose address was ever paid (-1: none).
CREATE TABLE derivation_cursors (
  chain TEXT COLLATE "C" NOT NULL,
  derived_from TEXT COLLATE "C" NOT NULL,
  next_index BIGINT NOT NULL,
  last_used_index BIGINT NOT NULL,
  PRIMARY KEY (chain, derived_from)
) WITH (fillfactor = 50);
