-- The address on which a merchant's payments wait that are told apart by something beside it, where none is derived. No
-- two merchants have the same: what comes there would be told to both.

CREATE TABLE merchant_addresses (
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  chain TEXT NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (merchant_id, chain),
  UNIQUE (chain, address)
) STRICT, WITHOUT ROWID;
