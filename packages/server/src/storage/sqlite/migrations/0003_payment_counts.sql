-- How many payments stand in each status. Kept by the transactions that change them, so that nobody has to count them:
-- the price is one small row more per change of status, whatever the number of payments.

CREATE TABLE payment_counts (
  status TEXT PRIMARY KEY,
  payments INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO payment_counts (status, payments)
  SELECT status, count(*) FROM payments WHERE erased_at_ms IS NULL GROUP BY status;

CREATE TRIGGER count_new_payment AFTER INSERT ON payments WHEN NEW.erased_at_ms IS NULL
BEGIN
  INSERT INTO payment_counts (status, payments) VALUES (NEW.status, 1)
    ON CONFLICT (status) DO UPDATE SET payments = payments + 1;
END;

-- An erased payment is counted no longer.
CREATE TRIGGER count_changed_payment AFTER UPDATE OF status, erased_at_ms ON payments
  WHEN OLD.status <> NEW.status OR (OLD.erased_at_ms IS NULL) <> (NEW.erased_at_ms IS NULL)
BEGIN
  UPDATE payment_counts SET payments = payments - 1 WHERE status = OLD.status AND OLD.erased_at_ms IS NULL;
  INSERT INTO payment_counts (status, payments) SELECT NEW.status, 1 WHERE NEW.erased_at_ms IS NULL
    ON CONFLICT (status) DO UPDATE SET payments = payments + 1;
END;
