-- Which node does what only one of all may do. `token` rises with each acquisition and release and never repeats, so rows
-- stay; `expires_at` is by this server's clock; `holder` is NULL once it was released. Room is left on the page, so that a
-- row that is renewed every second stays there.
CREATE TABLE leases (
  lease TEXT COLLATE "C" PRIMARY KEY,
  holder TEXT COLLATE "C",
  token BIGINT NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
