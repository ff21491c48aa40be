-- Merchants with what they have decided, their products, and what clients have joined.

CREATE TABLE merchants (
  id TEXT COLLATE "C" PRIMARY KEY,
  name TEXT NOT NULL,
  created_at_ms BIGINT NOT NULL
);

CREATE TABLE merchant_xpubs (
  merchant_id TEXT COLLATE "C" NOT NULL REFERENCES merchants (id),
  chain TEXT COLLATE "C" NOT NULL,
  xpub TEXT NOT NULL,
  PRIMARY KEY (merchant_id, chain)
);

-- The address on which a merchant's payments wait that are told apart by something beside it, where none is derived. No
-- two merchants have the same: what comes there would be told to both.
CREATE TABLE merchant_addresses (
  merchant_id TEXT COLLATE "C" NOT NULL REFERENCES merchants (id),
  chain TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (merchant_id, chain),
  UNIQUE (chain, address)
);

-- What a merchant has decided for wires without a secret key, one row per decision; the value is JSON.
CREATE TABLE merchant_settings (
  merchant_id TEXT COLLATE "C" NOT NULL REFERENCES merchants (id),
  name TEXT COLLATE "C" NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (merchant_id, name)
);

CREATE TABLE api_keys (
  id TEXT COLLATE "C" PRIMARY KEY,
  merchant_id TEXT COLLATE "C" NOT NULL REFERENCES merchants (id),
  kind TEXT NOT NULL CHECK (kind IN ('secret', 'publishable')),
  hash TEXT COLLATE "C" NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  created_at_ms BIGINT NOT NULL,
  revoked_at_ms BIGINT
);

CREATE INDEX api_keys_by_merchant ON api_keys (merchant_id, created_at_ms, id);

-- Transak's access tokens. Readable, because JWTs are signed with them; looked up by hash. `expires_at_ms` is NULL for the
-- sandbox's constant, which never expires.
CREATE TABLE access_tokens (
  hash TEXT COLLATE "C" PRIMARY KEY,
  merchant_id TEXT COLLATE "C" NOT NULL REFERENCES merchants (id),
  token TEXT NOT NULL,
  created_at_ms BIGINT NOT NULL,
  expires_at_ms BIGINT
);

CREATE INDEX access_tokens_of_merchant ON access_tokens (merchant_id, created_at_ms, hash);

-- Prices are decimal strings of atomic units. That 0 ≤ reserved ≤ stock is the table's own rule, whoever writes.
CREATE TABLE products (
  id TEXT COLLATE "C" PRIMARY KEY,
  merchant_id TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  price TEXT NOT NULL,
  chain TEXT NOT NULL,
  asset TEXT NOT NULL,
  stock BIGINT NOT NULL CHECK (stock BETWEEN 0 AND 9007199254740991),
  reserved BIGINT NOT NULL CHECK (reserved BETWEEN 0 AND stock),
  created_at_ms BIGINT NOT NULL,
  updated_at_ms BIGINT NOT NULL,
  archived_at_ms BIGINT
) WITH (fillfactor = 50);

CREATE INDEX products_by_merchant ON products (merchant_id, created_at_ms, id) WHERE archived_at_ms IS NULL;

-- What clients without a cursor of their own have joined, so that they have it again when they come back. `joined` is
-- JSON. `number` is a new one whenever a session is seen: the lowest are those that were not seen for the longest.
CREATE SEQUENCE client_session_numbers AS BIGINT;
CREATE TABLE client_sessions (
  id TEXT COLLATE "C" PRIMARY KEY,
  number BIGINT NOT NULL UNIQUE,
  merchant_id TEXT NOT NULL,
  joined TEXT NOT NULL,
  seen_at_ms BIGINT NOT NULL
);

CREATE INDEX client_sessions_by_age ON client_sessions (seen_at_ms);
