-- Work that every process may do and that is to be done once: what a process has taken, and until when it is left alone with
-- it, by this server's clock. `kind` says what `item` is: of kind 'deadline bitcoin' a payment on that chain.
CREATE TABLE work_claims (
  kind TEXT COLLATE "C" NOT NULL,
  item TEXT COLLATE "C" NOT NULL,
  holder TEXT COLLATE "C" NOT NULL,
  claimed_until TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (kind, item)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Records that name what a chain is to be watched for: whoever watches it follows them, and no others.
CREATE INDEX log_records_naming_keys ON log_records ("offset") WHERE type IN ('payment.created', 'payment.claimed');
