/**
 * Orders as they stood at a record. Log records carry nothing personal and no metadata, so the rest of an order is read
 * from the payment when it is told; of a payment that was erased there is nothing left to tell.
 * Source: docs/decisions/0002-what-a-record-carries.md.
 */
import type { EventLog, LogRecord } from "../../log/event-log.ts";
import type { PaymentStore } from "../../log/store.ts";
import { topics } from "../../log/topic.ts";
import { type Payment, type PaymentState, summarise } from "../../payments/payment.ts";
import { type Order, type OrderFacts, orderOf, sideOf } from "./order.ts";
import { eventOf, type TransakEvent } from "./status.ts";
import { mayStep, type Step, stepsAfter } from "./steps.ts";

export interface OrderStep {
  event: TransakEvent;
  /** Of the log record, the same in every repetition. */
  eventId: string;
  atMs: number;
  /** For `orderOf` or `publicOrderOf`. */
  facts: OrderFacts;
}

export interface OrdersOptions {
  log: Pick<EventLog, "readAfter" | "offsetSince">;
  payments: Pick<PaymentStore, "snapshot">;
  limits: { replayPage: number };
}

/** Records of one payment that are looked through for its steps, the newest: bounds the cost of one with a long past. */
const HISTORY_RECORDS = 10_000;
/** Payments whose steps are remembered; a few hundred bytes each. Nothing personal is in them. */
const REMEMBERED = 5_000;

interface History {
  /** Everything of the payment up to here was looked at. */
  readTo: number;
  steps: readonly Step[];
}

export class Orders {
  readonly #options: OrdersOptions;
  /** In the order of use: the oldest is the first to go. */
  readonly #histories = new Map<string, History>();

  constructor(options: OrdersOptions) {
    this.#options = options;
  }

  /** What this record changed; `null`: nothing that Transak has a status for, or the payment was erased. */
  async stepAt(record: LogRecord): Promise<OrderStep | null> {
    const { payment: at } = record.data;
    if (record.paymentId === null || at === null || !mayStep(record)) return null;
    const snapshot = await this.#options.payments.snapshot(record.paymentId);
    if (!snapshot) return null;
    const { payment } = snapshot.state;
    const steps = await this.#stepsUpTo(payment, record.offset);
    const last = steps.at(-1);
    if (last?.offset !== record.offset) return null;
    return { event: eventOf(last.status), eventId: record.id, atMs: record.atMs, facts: { payment, at, steps } };
  }

  /** The order as it stands; `null` for a standing payment, which is none. */
  async current({ state, offset }: { state: PaymentState; offset: number }): Promise<Order | null> {
    const { payment } = state;
    if (payment.amountAtomic === null) return null;
    const steps = await this.#stepsUpTo(payment, offset);
    return steps.length === 0 ? null : orderOf({ payment, at: summarise(payment), steps });
  }

  async #stepsUpTo(payment: Payment, offset: number): Promise<readonly Step[]> {
    const topic = topics.payment(payment.id);
    const known = this.#histories.get(payment.id);
    let { readTo, steps } = known ?? {
      readTo: await this.#options.log.offsetSince(topic, 0, HISTORY_RECORDS),
      steps: [],
    };
    while (readTo < offset) {
      const page = await this.#options.log.readAfter(readTo, {
        topics: [topic],
        limit: this.#options.limits.replayPage,
      });
      steps = stepsAfter(steps, page.records, sideOf(payment));
      readTo = page.next;
    }
    this.#remember(payment.id, { readTo, steps });
    return steps.filter((step) => step.offset <= offset);
  }

  #remember(paymentId: string, history: History): void {
    const known = this.#histories.get(paymentId);
    this.#histories.delete(paymentId);
    this.#histories.set(paymentId, known && known.readTo > history.readTo ? known : history);
    if (this.#histories.size <= REMEMBERED) return;
    const oldest = this.#histories.keys().next();
    if (!oldest.done) this.#histories.delete(oldest.value);
  }
}
