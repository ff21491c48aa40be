/**
 * The payment as the server keeps it, and the two forms in which it leaves. Pure: no clock, no I/O.
 * Source: DESIGN.md, "Life of a payment"; PAYMENT_STATES.md.
 */
import type {
  AmountState,
  DeliveryState,
  MerchantPayment,
  PaymentFlag,
  PaymentItem,
  PaymentMatch,
  PaymentStatus,
  PaymentSummary,
  PublicPayment,
  StockState,
} from "@paybell/protocol";
import { type Transfer, viewTransfer } from "./transfer.ts";

/** When a payment counts as paid and as final. */
export interface FinalityPolicy {
  /** Confirmations for `paid`. 0 accepts a transfer in the mempool, unless its sender may replace it. */
  confirmationsRequired: number;
  /** Confirmations for `final`, at least `confirmationsRequired`: the reorg horizon. */
  finalConfirmations: number;
}

export interface Payment {
  /** UUID v4. */
  id: string;
  merchantId: string;
  chain: string;
  asset: string;
  decimals: number;
  /** `null`: a standing payment; it never expires and is never covered. */
  amountAtomic: bigint | null;
  address: string | null;
  /** What it is told apart by beside its address, in canonical form; `null`: the address alone. */
  match: Readonly<PaymentMatch> | null;
  /** The match key: of `address`, and of `match` where there is one. At most one open payment of a merchant waits for it. */
  recipient: string | null;
  /** Index under the merchant's extended public key, where the address was derived. */
  derivationIndex: number | null;
  uri: string | null;
  reference: string | null;
  customer: string | null;
  items: PaymentItem[] | null;
  metadata: Record<string, unknown> | null;
  /** What became of the units that an order wants; `null`: the payment is no order. */
  stock: StockState | null;
  status: PaymentStatus;
  amountState: AmountState;
  delivery: DeliveryState;
  flags: readonly PaymentFlag[];
  receivedAtomic: bigint;
  /** The transaction that covered the amount due. */
  coveringTxId: string | null;
  confirmations: number;
  policy: FinalityPolicy;
  claimedAtMs: number | null;
  /** The transaction that was named with the claim: a hint where to look, never a proof. */
  claimedTxId: string | null;
  sequence: number;
  createdAtMs: number;
  updatedAtMs: number;
  expiresAtMs: number | null;
  /** Funds that come after expiry are still credited until then. */
  monitorUntilMs: number | null;
  /** When time alone has next something to say about it (expiry, end of monitoring); `null` for never. */
  deadlineMs: number | null;
  erasedAtMs: number | null;
}

/** What `decide` knows: the payment and its transfers. Of a standing payment only the transfers concerned are loaded,
 * so that the cost of an event does not grow with the payment's past. */
export interface PaymentState {
  payment: Payment;
  transfers: readonly Transfer[];
}

/** A payment is open while a transfer may still be meant for it; two open ones with one match key are refused. */
export function isOpen(status: PaymentStatus): boolean {
  return status === "pending" || status === "confirming" || status === "paid" || status === "reversed";
}

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

export function summarise(payment: Payment): PaymentSummary {
  const summary: PaymentSummary = {
    id: payment.id,
    status: payment.status,
    amountState: payment.amountState,
    delivery: payment.delivery,
    flags: [...payment.flags],
    chain: payment.chain,
    asset: payment.asset,
    decimals: payment.decimals,
    amount: payment.amountAtomic?.toString() ?? null,
    received: payment.receivedAtomic.toString(),
    address: payment.address,
    txId: payment.coveringTxId,
    confirmations: payment.confirmations,
    confirmationsRequired: payment.policy.confirmationsRequired,
    claimedAt: iso(payment.claimedAtMs),
    sequence: payment.sequence,
    createdAt: new Date(payment.createdAtMs).toISOString(),
    updatedAt: new Date(payment.updatedAtMs).toISOString(),
    expiresAt: iso(payment.expiresAtMs),
  };
  // Behind the rest: a spread in the middle would make every summary several times as slow.
  if (payment.match !== null) summary.sharesAddress = true;
  if (payment.stock !== null) summary.stock = payment.stock;
  return summary;
}

/** What anyone who knows the id may read. */
export function viewPublic(state: PaymentState): PublicPayment {
  return {
    ...summarise(state.payment),
    uri: state.payment.uri,
    transfers: state.transfers.map(viewTransfer),
  };
}

/** What the merchant reads. */
export function viewMerchant(state: PaymentState): MerchantPayment {
  return {
    ...viewPublic(state),
    match: state.payment.match && { ...state.payment.match },
    claimedTxId: state.payment.claimedTxId,
    reference: state.payment.reference,
    customer: state.payment.customer,
    items: state.payment.items,
    metadata: state.payment.metadata,
  };
}
