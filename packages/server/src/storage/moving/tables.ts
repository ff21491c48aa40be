/**
 * What is moved from one database to another, table by table: the same rows whichever database they come from. A test
 * compares this list with the schemas of both, so that a table or a column which is added later cannot be forgotten.
 */
import { PAYMENT_COLUMNS, TRANSFER_COLUMNS } from "../columns.ts";

export interface MovedTable {
  name: string;
  /** In the order of a row in the file. */
  columns: readonly string[];
  /** Columns by which the rows are in one order in both databases; `null`: by age, as they were made. No column of the file
   * says that, the order of its lines does. */
  order: readonly string[] | null;
}

/** In an order in which each refers only to those before it. */
export const MOVED: readonly MovedTable[] = [
  { name: "merchants", columns: ["id", "name", "created_at_ms"], order: ["id"] },
  { name: "merchant_xpubs", columns: ["merchant_id", "chain", "xpub"], order: ["merchant_id", "chain"] },
  { name: "merchant_addresses", columns: ["merchant_id", "chain", "address"], order: ["merchant_id", "chain"] },
  { name: "merchant_settings", columns: ["merchant_id", "name", "value"], order: ["merchant_id", "name"] },
  {
    name: "api_keys",
    columns: ["id", "merchant_id", "kind", "hash", "hint", "created_at_ms", "revoked_at_ms"],
    order: ["id"],
  },
  {
    name: "access_tokens",
    columns: ["hash", "merchant_id", "token", "created_at_ms", "expires_at_ms"],
    order: ["hash"],
  },
  {
    name: "derivation_cursors",
    columns: ["chain", "derived_from", "next_index", "last_used_index"],
    order: ["chain", "derived_from"],
  },
  {
    name: "products",
    columns: [
      "id",
      "merchant_id",
      "name",
      "price",
      "chain",
      "asset",
      "stock",
      "reserved",
      "created_at_ms",
      "updated_at_ms",
      "archived_at_ms",
    ],
    order: ["id"],
  },
  { name: "payments", columns: [...PAYMENT_COLUMNS, "derived_from"], order: null },
  { name: "transfers", columns: TRANSFER_COLUMNS, order: null },
  {
    name: "unattributed_transfers",
    columns: ["merchant_id", "chain", "tx_id", "idx", "credit_time_ms"],
    order: ["merchant_id", "chain", "tx_id", "idx"],
  },
  {
    name: "shared_addresses",
    columns: ["chain", "recipient", "merchant_id", "address"],
    order: ["chain", "recipient", "merchant_id"],
  },
  {
    name: "log_records",
    columns: ["offset", "id", "type", "merchant_id", "payment_id", "sequence", "at_ms", "data", "topics"],
    order: ["offset"],
  },
  {
    name: "watcher_progress",
    columns: ["chain", "cursor", "head_height", "watched_until_ms"],
    order: ["chain"],
  },
  {
    name: "idempotent_answers",
    columns: ["merchant_id", "key", "request_hash", "http_status", "body", "at_ms", "payment_id"],
    order: ["merchant_id", "key"],
  },
  {
    name: "answered_payments",
    columns: ["payment_id", "merchant_id", "key"],
    order: ["payment_id", "merchant_id", "key"],
  },
  { name: "client_sessions", columns: ["id", "merchant_id", "joined", "seen_at_ms"], order: null },
  { name: "sandbox_chain", columns: ["one", "next_number"], order: ["one"] },
  {
    name: "sandbox_blocks",
    columns: ["hash", "height", "parent_hash", "time_ms", "tx_ids", "is_best"],
    order: ["hash"],
  },
  {
    name: "sandbox_transactions",
    columns: [
      "tx_id",
      "number",
      "outputs",
      "spends",
      "fails",
      "first_seen_at_ms",
      "status",
      "block_hash",
      "replaced_by",
    ],
    order: ["tx_id"],
  },
];

/** Tables and columns of either database that no file holds, and why. */
export const LEFT_BEHIND: Readonly<Record<string, string>> = {
  meta: "stands in the head line, but for the epoch: an import begins a new one",
  log_topics: "made again from the topics of each record",
  payment_counts: "counted again",
  writers: "which commits of running processes are stored: nobody runs on what is imported",
  leases: "who watches which chain: nobody does",
  bus_secret: "seals what running servers tell each other: another database makes its own",
  nodes: "which servers run: none does",
  work_claims: "what each of the running servers is at: none runs",
  paybell_schema: "the schema's own version",
  "payments.number": "the order of the lines",
  "transfers.number": "the order of the lines",
  "client_sessions.number": "the order of the lines",
};
