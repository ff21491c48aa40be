/** Payments and orders come into being: looked up, decided, stored in one commit. */
import { recipientIn } from "../chains/match.ts";
import type { Clock } from "../kit/clock.ts";
import { PaybellError } from "../kit/errors.ts";
import type { AppendResult, EventLog, PaymentCommand, StockChange } from "../log/event-log.ts";
import type { MerchantStore, ProductStore } from "../log/store.ts";
import { decide, type NewPayment } from "../payments/decide.ts";
import type { Payment, PaymentState } from "../payments/payment.ts";
import { stockLines } from "../payments/stock.ts";
import type { ChainRegistry } from "./chain-registry.ts";
import { type AnswerWith, type CreateRequest, IdempotencyTaken, type OrderRequest } from "./ingest.ts";
import { newOrder, outOfStock, pendingOrderExists } from "./new-order.ts";
import { type NewPaymentDefaults, newPayment } from "./new-payment.ts";
import { topicsOf } from "./topics-of.ts";
import type { WatchList } from "./watch-list.ts";

export interface CreationOptions {
  log: EventLog;
  merchants: MerchantStore;
  products: ProductStore;
  chains: ChainRegistry;
  watchList: WatchList;
  clock: Clock;
  defaults: NewPaymentDefaults;
}

/** How often an order is composed anew while its products change under it. */
const MAX_COMPOSITIONS = 10;

type OrderStock = NonNullable<StockChange["order"]>;

export class Creation {
  readonly #options: CreationOptions;
  readonly #remember: (state: PaymentState) => void;

  /** @param remember called with what was stored */
  constructor(options: CreationOptions, remember: (state: PaymentState) => void) {
    this.#options = options;
    this.#remember = remember;
  }

  /** See `Ingest.create`. */
  async payment(request: CreateRequest, answer?: AnswerWith): Promise<PaymentState> {
    const stored = await this.#store(request, null, answer);
    if ("state" in stored) return stored.state;
    throw refused(stored.refused);
  }

  /** See `Ingest.createOrder`. */
  async order(request: OrderRequest, answer?: AnswerWith): Promise<PaymentState> {
    const { products } = this.#options;
    // Seen before an address is given out for nothing; the store looks again.
    const pending = await products.pendingOrder(request.merchantId, request.customer);
    if (pending !== null) throw pendingOrderExists(pending);
    for (let composed = 0; composed < MAX_COMPOSITIONS; composed += 1) {
      const { prices, ...order } = await newOrder(request, products);
      const stored = await this.#store({ ...request, ...order }, { customer: request.customer, prices }, answer);
      if ("state" in stored) return stored.state;
      if (stored.refused.reason !== "product_changed") throw refused(stored.refused);
    }
    throw new PaybellError("conflict", "The products are being changed all the time: repeat the request.");
  }

  async #store(
    request: CreateRequest,
    order: OrderStock | null,
    answer: AnswerWith | undefined,
  ): Promise<{ state: PaymentState } | { refused: Exclude<AppendResult, { ok: true }> }> {
    const { clock, chains, merchants, defaults, log, watchList } = this.#options;
    const nowMs = clock.nowMs();
    const { payment, derivedFrom } = await newPayment(request, chains, merchants, defaults, nowMs);
    const asked: NewPayment = order ? { ...payment, stock: "reserved" } : payment;
    const decision = decide(null, { type: "create", payment: asked }, nowMs);
    if (!decision.ok) {
      const { code, message, details } = decision.refusal;
      throw new PaybellError(code, message, details);
    }
    const { state, events } = decision;
    // Looked for before it is stored, and the watcher asked again afterwards: what it saw in between had no payment yet.
    if (payment.recipient !== null) watchList.add(payment.chain, payment.recipient);
    const [result] = await log.append([
      {
        kind: "payment",
        expectedSequence: 0,
        payment: state.payment,
        transfers: [],
        events,
        topics: topicsOf(state.payment),
        ...(order ? { stock: { lines: stockLines(payment.items ?? [], null, "reserved"), order } } : {}),
        ...(derivedFrom === null ? {} : { derivedFrom }),
        ...sharedRecipientOf(state.payment),
        ...(answer ? { idempotency: answer(state) } : {}),
      },
    ]);
    if (!result) throw new Error("The log gave no answer to a command.");
    if (!result.ok) return { refused: result };
    this.#remember(state);
    if (payment.recipient !== null) watchList.announce(payment.chain, payment.recipient);
    return { state };
  }
}

/** Part of the command that creates a payment: whoever waits for more than an address has that address watched too. */
export function sharedRecipientOf({ match, recipient }: Payment): Pick<PaymentCommand, "sharedRecipient"> {
  return match === null || recipient === null ? {} : { sharedRecipient: recipientIn(recipient) };
}

function refused(result: Exclude<AppendResult, { ok: true }>): Error {
  switch (result.reason) {
    case "idempotency":
      return new IdempotencyTaken();
    case "address_in_use":
      return new PaybellError(
        "address_in_use",
        "Another open payment already waits on this address for the same match: use a fresh address, or wait until it is final, expired or cancelled. Where the chain allows it, several payments on one address are told apart by `match`.",
        { field: "address" },
      );
    case "out_of_stock":
      return outOfStock(result.shortages);
    case "pending_order_exists":
      return pendingOrderExists(result.pendingOrderId);
    default:
      return new PaybellError("conflict", "A payment with this id exists already.");
  }
}
