/**
 * The payment as every client sees it. Amounts are decimal strings of atomic units (satoshi, wei, …), times are
 * ISO 8601 strings in UTC. Source: DESIGN.md, "HTTP API" and "Life of a payment".
 */

/** Where a payment stands. `paid` is safe to ship by policy, `final` is beyond the reorg horizon. */
export const PAYMENT_STATUSES = [
  "pending",
  "confirming",
  "paid",
  "final",
  "reversed",
  "expired",
  "cancelled",
  "failed",
] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

/** How what was received compares with what is due. Always `none` for a standing payment. */
export const AMOUNT_STATES = ["none", "under", "exact", "over"] as const;
export type AmountState = (typeof AMOUNT_STATES)[number];

/** What the merchant does after he was paid; driven by `POST /v1/payments/{id}/delivery`. */
export const DELIVERY_STATES = [
  "none",
  "processing",
  "delivering",
  "on_hold",
  "delivered",
  "refunded",
  "failed",
] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** What happened on the way. A flag, once set, stays. */
export const PAYMENT_FLAGS = ["late", "multiple", "rbf", "double_spend", "reorged", "manual", "needs_review"] as const;
export type PaymentFlag = (typeof PAYMENT_FLAGS)[number];

/** Where one transfer stands on its chain. */
export const TRANSFER_STATUSES = ["seen", "included", "confirmed", "final", "orphaned", "replaced", "dropped"] as const;
export type TransferStatus = (typeof TRANSFER_STATUSES)[number];

/** One output, log or instruction that pays. Its identity is (chain, txId, index); the block is only evidence. */
export interface TransferView {
  txId: string;
  /** Stable when the transaction moves to another block: Bitcoin `vout`, EVM `log:{n}`, … */
  index: string;
  /** Decimal string of atomic units. */
  amount: string;
  status: TransferStatus;
  /** 0 in the mempool. Counts on to what the payment requires (at least 2), then jumps once when `final`. */
  confirmations: number;
  blockHeight: number | null;
  blockHash: string | null;
  /** The earlier of first seen and its block's time. */
  at: string;
}

/** What became of the units that an order wants. `reserved`: set aside for it. `taken`: gone from the stock, the order is
 * paid. `released`: given back before they were taken. `short`: paid, but no longer free; an operator has to look.
 * `returned`: taken, and put back by a reversal before delivery began. */
export const STOCK_STATES = ["reserved", "taken", "released", "short", "returned"] as const;
export type StockState = (typeof STOCK_STATES)[number];

/** A line of what is paid for. Stock is kept only for the items of an order. */
export interface PaymentItem {
  productId?: string;
  name?: string;
  quantity: number;
  /** Decimal string of atomic units. */
  unitAmount?: string;
  /** What the buyer chose, such as a colour. */
  options?: Record<string, string>;
}

/** What a payment may be told apart by beside its address, the most particular first. `payer`: who sends it. `txId`: this
 * transaction, and only with its `payer`, so that nobody settles his order with a stranger's transaction. `referenceKey`:
 * a Solana Pay reference. `memo`: the text that it carries. `intentHash`: of an identiPay proposal, in an event of the
 * transaction. `tributary`: any record of the Tributary program, by its gateway (`*`: every gateway); each memo becomes a
 * standing payment of its own. */
export const MATCH_KINDS = ["txId", "referenceKey", "intentHash", "memo", "tributary", "payer"] as const;
export type MatchKind = (typeof MATCH_KINDS)[number];

/** One kind, or `txId` with its `payer`. */
export type PaymentMatch = Partial<Record<MatchKind, string>>;

/** What every event carries of its payment: bounded in size, and nothing personal. */
export interface PaymentSummary {
  /** UUID v4. Whoever knows it may read the public view of the payment. */
  id: string;
  status: PaymentStatus;
  amountState: AmountState;
  delivery: DeliveryState;
  flags: PaymentFlag[];
  chain: string;
  asset: string;
  decimals: number;
  /** What is due; `null` for a standing payment. */
  amount: string | null;
  /** The sum of all live transfers (seen, included, confirmed, final). */
  received: string;
  address: string | null;
  /** Only where other payments may wait on the same address: what tells this one apart is its merchant's to know. */
  sharesAddress?: true;
  /** The transaction that covered the amount due, `null` until then. */
  txId: string | null;
  confirmations: number;
  confirmationsRequired: number;
  claimedAt: string | null;
  /** Only of an order; a payment without it is none. */
  stock?: StockState;
  /** Number of this payment's latest event. */
  sequence: number;
  createdAt: string;
  updatedAt: string;
  expiresAt: string | null;
}

/** The payment that anyone who knows its id may read: no buyer, no metadata, no merchant data. */
export interface PublicPayment extends PaymentSummary {
  /** Payment URI for wallets (BIP21, EIP-681, …), `null` where the chain has none. */
  uri: string | null;
  /** The newest 100 at most. */
  transfers: TransferView[];
}

/** The payment as its merchant reads it. */
export interface MerchantPayment extends PublicPayment {
  /** What it is told apart by beside its address; `null`: the address alone. */
  match: PaymentMatch | null;
  /** The transaction that the payer's side named with the claim; it counts only if the payment's `payer` sent it. */
  claimedTxId: string | null;
  reference: string | null;
  customer: string | null;
  items: PaymentItem[] | null;
  metadata: Record<string, unknown> | null;
}
