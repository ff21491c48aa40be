-- Products with stock, and orders: payments whose line items hold units of them. Prices are decimal strings of atomic
-- units. That 0 ≤ reserved ≤ stock is the table's own rule, whoever writes.

CREATE TABLE products (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  price TEXT NOT NULL,
  chain TEXT NOT NULL,
  asset TEXT NOT NULL,
  stock INTEGER NOT NULL CHECK (stock BETWEEN 0 AND 9007199254740991),
  reserved INTEGER NOT NULL CHECK (reserved BETWEEN 0 AND stock),
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  archived_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX products_by_merchant ON products (merchant_id, created_at_ms, id) WHERE archived_at_ms IS NULL;

-- Of a payment that is an order: what became of its units, and what its customer calls its status. NULL: it is none, and
-- costs nothing here.
ALTER TABLE payments ADD COLUMN stock TEXT CHECK (stock IN ('reserved', 'taken', 'released', 'short', 'returned'));
ALTER TABLE payments ADD COLUMN order_status TEXT CHECK (order_status IN ('pending', 'completed', 'cancelled'));

-- Not unique: an order may be pending again (a reorg, late funds) beside a newer one. That a new one is refused there is
-- checked in the transaction that creates it.
CREATE INDEX orders_by_customer ON payments (merchant_id, customer, order_status, created_at_ms, id)
  WHERE order_status IS NOT NULL;
CREATE INDEX orders_by_merchant ON payments (merchant_id, created_at_ms, id) WHERE order_status IS NOT NULL;
CREATE INDEX orders_by_status ON payments (merchant_id, order_status, created_at_ms, id) WHERE order_status IS NOT NULL;
CREATE INDEX orders_of_customer ON payments (merchant_id, customer, created_at_ms, id) WHERE order_status IS NOT NULL;
