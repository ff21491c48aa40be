-- What a merchant has decided for wires without a secret key, one row per decision; the value is JSON.

CREATE TABLE merchant_settings (
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (merchant_id, name)
) STRICT, WITHOUT ROWID;
