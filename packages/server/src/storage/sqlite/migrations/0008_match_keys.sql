-- What payments are told apart by beside their address (JSON), and the transaction that their payer's side has named.
-- `payments.recipient` is the match key: the address's own, and what is beside it.

ALTER TABLE payments ADD COLUMN match TEXT;
ALTER TABLE payments ADD COLUMN claimed_tx_id TEXT;

-- Addresses on which a merchant's payments are told apart by something beside them: `recipient` is the address's own match
-- key. They are watched as well, and what comes there for no payment is told to the merchant. A row stays for ever: money
-- that comes to an old address must still be noticed.
CREATE TABLE shared_addresses (
  chain TEXT NOT NULL,
  recipient TEXT NOT NULL,
  merchant_id TEXT NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (chain, recipient, merchant_id)
) STRICT, WITHOUT ROWID;
