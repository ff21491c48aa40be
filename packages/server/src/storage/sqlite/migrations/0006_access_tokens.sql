-- Transak's access tokens. Readable, because JWTs are signed with them; looked up by hash. `expires_at_ms` is NULL for the
-- sandbox's constant, which never expires.

CREATE TABLE access_tokens (
  hash TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  token TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX access_tokens_of_merchant ON access_tokens (merchant_id, created_at_ms, hash);
