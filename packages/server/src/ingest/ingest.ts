/**
 * The contract of ingest: the only way in which anything is written. Observation or command → decide → append.
 * Resolves after the commit; whatever is thrown as a PaybellError may be shown to the caller.
 * Source: DESIGN.md, "The one path".
 */
import type { DeliveryState, PaymentItem, PaymentMatch } from "@paybell/protocol";
import type { ChainFacts, WatchReport } from "../chains/watcher.ts";
import type { IdempotentAnswer } from "../log/event-log.ts";
import type { Fence } from "../log/leases.ts";
import type { PaymentState } from "../payments/payment.ts";
import type { Observation } from "../payments/transfer.ts";

export interface CreateRequest {
  merchantId: string;
  /** Chosen by the caller where a repeated request must find the same payment; otherwise made here (UUID v4). */
  id?: string;
  chain: string;
  asset: string;
  /** `null`: a standing payment. */
  amountAtomic: bigint | null;
  /** Left out: one is allocated. */
  address?: string;
  /** What it is told apart by from others on its address. */
  match?: PaymentMatch;
  reference?: string;
  customer?: string;
  items?: PaymentItem[];
  metadata?: Record<string, unknown>;
  expiresInSeconds?: number;
  /** Instead of `expiresInSeconds`, where the moment was promised before. */
  expiresAtMs?: number;
  confirmations?: number;
}

/** What a customer asked for; its amount is computed from the products. */
export interface OrderRequest extends Omit<CreateRequest, "chain" | "asset" | "amountAtomic" | "items"> {
  customer: string;
  /** At least one. */
  items: readonly OrderLine[];
  /** Left out: the products'. Given: must be theirs. */
  chain?: string;
  asset?: string;
}

export interface OrderLine {
  productId: string;
  /** At least 1. */
  quantity: number;
  options?: Record<string, string>;
}

export type PaymentCommandInput =
  | { type: "claim"; txId?: string }
  | { type: "cancel" }
  | { type: "deliver"; to: DeliveryState }
  | { type: "resolve"; as: "paid" | "failed" }
  | { type: "erase" };

/** Makes the answer that is stored with the decision under the request's Idempotency-Key. */
export type AnswerWith = (state: PaymentState) => IdempotentAnswer;
/** The same for a request about several payments. */
export type AnswerToAll = (states: readonly PaymentState[]) => IdempotentAnswer;

/** What a backend says of a transfer of one of its payments. */
export interface ReportedObservation {
  paymentId: string;
  /** `chain` and `recipient` are the payment's. */
  observation: Omit<Observation, "chain" | "recipient" | "spends" | "replaceable" | "replacedBy" | "observedAtMs">;
}

/** Thrown when the Idempotency-Key was stored by a concurrent request: read its answer and give that. */
export class IdempotencyTaken extends Error {
  override readonly name = "IdempotencyTaken";
}

export interface Ingest {
  /**
   * @throws PaybellError not_supported (chain, asset, match), invalid_request (address, match, amount), address_in_use,
   * gap_exhausted, overloaded
   * @throws IdempotencyTaken
   */
  create(request: CreateRequest, answer?: AnswerWith): Promise<PaymentState>;
  /**
   * An order: a payment with line items whose units are reserved with it. One pending order per customer.
   * @throws PaybellError as `create`, and: not_found (a product; `details.productIds`), invalid_request (products of
   * several chains or assets), out_of_stock (`details.products`), pending_order_exists (`details.pendingOrderId`)
   * @throws IdempotencyTaken
   */
  createOrder(request: OrderRequest, answer?: AnswerWith): Promise<PaymentState>;
  /** @throws PaybellError not_found (also another merchant's), invalid_state, out_of_stock (a short order that is resolved
   * as paid), overloaded; IdempotencyTaken */
  execute(
    merchantId: string,
    paymentId: string,
    input: PaymentCommandInput,
    answer?: AnswerWith,
  ): Promise<PaymentState>;
  /** Everything is checked before anything is recorded; each payment's observations are one decision. Returns the
   * payments, in the order in which they were first named.
   * @throws PaybellError not_found, not_supported (the chain is watched here), invalid_request (a transfer of another
   * payment), conflict (it became another's meanwhile), overloaded */
  observe(
    merchantId: string,
    reported: readonly ReportedObservation[],
    answer?: AnswerToAll,
  ): Promise<readonly PaymentState[]>;
  /** From a watcher. Resolves after the commit; the cursor is stored with the events it caused. Everything that is written
   * for it carries the fence; `null`: the watcher needs no lease.
   * @throws LeaseLost */
  report(facts: ChainFacts, report: WatchReport, fence?: Fence | null): Promise<void>;
  /** Expiry and monitoring deadlines of every chain, as far as each has been watched. */
  tick(): Promise<void>;
}
