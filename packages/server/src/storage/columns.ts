/** Which columns are written when. */
import type { PaymentRow, TransferRow } from "./rows.ts";

/** All that a program gives of a payment. */
export const PAYMENT_COLUMNS = [
  "id",
  "merchant_id",
  "chain",
  "asset",
  "decimals",
  "amount",
  "address",
  "match",
  "recipient",
  "derivation_index",
  "uri",
  "reference",
  "customer",
  "items",
  "metadata",
  "stock",
  "order_status",
  "status",
  "is_open",
  "amount_state",
  "delivery",
  "flags",
  "received",
  "covering_tx_id",
  "confirmations",
  "confirmations_required",
  "final_confirmations",
  "claimed_at_ms",
  "claimed_tx_id",
  "sequence",
  "created_at_ms",
  "updated_at_ms",
  "expires_at_ms",
  "monitor_until_ms",
  "deadline_ms",
  "erased_at_ms",
] as const satisfies readonly (keyof PaymentRow)[];

/** What a decision may change, apart from the indexed ones. */
export const CHANGING_COLUMNS = [
  "stock",
  "amount_state",
  "delivery",
  "flags",
  "received",
  "covering_tx_id",
  "confirmations",
  "claimed_at_ms",
  "claimed_tx_id",
  "sequence",
  "updated_at_ms",
] as const satisfies readonly (keyof PaymentRow)[];

/** What a decision may change and an index names. SQLite sets them only where one differs: it writes an index anew for each
 * of its columns that is set, whatever the value. */
export const INDEXED_COLUMNS = [
  "status",
  "is_open",
  "deadline_ms",
  "order_status",
] as const satisfies readonly (keyof PaymentRow)[];

/** What an erasure changes besides. */
export const ERASED_COLUMNS = [
  "match",
  "reference",
  "customer",
  "items",
  "metadata",
  "erased_at_ms",
] as const satisfies readonly (keyof PaymentRow)[];

export const TRANSFER_COLUMNS = [
  "merchant_id",
  "payment_id",
  "chain",
  "tx_id",
  "idx",
  "asset",
  "amount",
  "recipient",
  "status",
  "confirmations",
  "block_height",
  "block_hash",
  "block_time_ms",
  "first_seen_at_ms",
  "replaceable",
  "replaced_by",
  "spends",
  "due_height",
] as const satisfies readonly (keyof TransferRow)[];

/** What a later observation of the transfer may change. */
export const CHANGING_TRANSFER_COLUMNS = [
  "amount",
  "status",
  "confirmations",
  "block_height",
  "block_hash",
  "block_time_ms",
  "replaceable",
  "replaced_by",
  "spends",
  "due_height",
] as const satisfies readonly (keyof TransferRow)[];
