/**
 * Registrations: standing payments that wait for every record of a program (`match.tributary`). Each text that such a
 * record carries becomes a standing payment of its own, when its first transfer comes.
 *
 * It is stored before the transfer is credited. Nothing is lost or doubled by a crash in between: the report comes again,
 * finds the payment by its match key, and makes none. Nor by a request that makes one for the same text at the same time:
 * at most one open payment waits for a key. Where that one is younger than the transfer, the registration itself is
 * credited. Source: docs/decisions/0010-match-keys.md.
 */
import { randomUUID } from "node:crypto";
import { matchKeyOf, recipientIn } from "../chains/match.ts";
import type { ChainFacts } from "../chains/watcher.ts";
import type { Clock } from "../kit/clock.ts";
import type { EventLog, PaymentCommand } from "../log/event-log.ts";
import type { Fence } from "../log/leases.ts";
import type { PaymentStore, TransferName } from "../log/store.ts";
import { decide, type NewPayment } from "../payments/decide.ts";
import { isOpen, type Payment, type PaymentState } from "../payments/payment.ts";
import { type Observation, transferTimeMs } from "../payments/transfer.ts";
import { sharedRecipientOf } from "./creation.ts";
import { sighted } from "./sighted.ts";
import { topicsOf } from "./topics-of.ts";
import type { WatchList } from "./watch-list.ts";

export interface RegistrationsOptions {
  log: EventLog;
  store: PaymentStore;
  watchList: WatchList;
  clock: Clock;
  /** Payments per commit. */
  groupSize: number;
}

/** A record that a registration takes, and the text in it. */
interface Taken {
  registration: Payment;
  text: string;
  observation: Observation;
}

/** What may be a payment's reference (http/schemas.ts, `Text`): others stay with the registration. */
const REFERENCE = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

export class Registrations {
  readonly #options: RegistrationsOptions;
  readonly #remember: (state: PaymentState) => void;

  /** @param remember called with what was stored */
  constructor(options: RegistrationsOptions, remember: (state: PaymentState) => void) {
    this.#options = options;
    this.#remember = remember;
  }

  /** Makes the payments that are not there yet. @throws LeaseLost, whatever the store throws */
  async openFor(facts: ChainFacts, observations: readonly Observation[], fence: Fence | null): Promise<void> {
    const { groupSize } = this.#options;
    const records = observations.filter(mayOpen);
    if (records.length === 0) return;
    const wanted = [...byKey(await this.#taken(records)).values()];
    for (let start = 0; start < wanted.length; start += groupSize) {
      await this.#store(facts, wanted.slice(start, start + groupSize), fence);
    }
  }

  /** Those that would be credited to a registration now, in its own asset. */
  async #taken(records: readonly Observation[]): Promise<Taken[]> {
    const { store } = this.#options;
    const routes = await store.route(records.map((record) => sighted(record).query));
    const found = await this.#registrations(routes.flatMap(({ paymentIds }) => paymentIds));
    const taken = records.flatMap((observation, at) =>
      (routes[at]?.paymentIds ?? []).flatMap((paymentId): Taken[] => {
        const registration = found.get(paymentId);
        if (registration?.asset !== observation.asset) return [];
        return [{ registration, text: observation.standingReference as string, observation }];
      }),
    );
    return this.#notCredited(taken);
  }

  async #registrations(paymentIds: readonly string[]): Promise<Map<string, Payment>> {
    const asked = [...new Set(paymentIds)].map((paymentId) => ({ paymentId, concerning: [] }));
    const states = asked.length === 0 ? [] : await this.#options.store.loadForDecision(asked);
    const found = new Map<string, Payment>();
    for (const state of states) {
      const { payment } = state ?? {};
      // One that was cancelled opens nothing any more; what still comes is told as unexpected funds.
      if (payment?.match?.tributary !== undefined && isOpen(payment.status)) found.set(payment.id, payment);
    }
    return found;
  }

  /** What is credited stays where it is. */
  async #notCredited(taken: readonly Taken[]): Promise<Taken[]> {
    const open: Taken[] = [];
    for (const [merchantId, list] of Map.groupBy(taken, ({ registration }) => registration.merchantId)) {
      const names = list.map(({ observation: { chain, txId, index } }): TransferName => ({ chain, txId, index }));
      const credited = await this.#options.store.creditedPayments(merchantId, names);
      open.push(...list.filter((_, at) => credited[at] === null));
    }
    return open;
  }

  async #store(facts: ChainFacts, wanted: readonly Taken[], fence: Fence | null): Promise<void> {
    const { log, clock, watchList } = this.#options;
    const nowMs = clock.nowMs();
    const made = wanted.map((one) => created(facts, one, nowMs));
    const results = await log.append(
      made.map(({ command }) => command),
      null,
      fence,
    );
    for (const [at, { state }] of made.entries()) {
      // Refused: another payment waits for the same by now, and the transfer is routed to whoever may have it.
      if (!results[at]?.ok) continue;
      const { chain, recipient } = state.payment;
      if (recipient !== null) watchList.add(chain, recipient);
      this.#remember(state);
    }
  }
}

function mayOpen({ standingReference, status, amountAtomic }: Observation): boolean {
  return (
    standingReference !== undefined &&
    REFERENCE.test(standingReference) &&
    (status === "seen" || status === "included") &&
    amountAtomic > 0n
  );
}

/** One for each text; of several records the earliest. */
function byKey(taken: readonly Taken[]): Map<string, Taken> {
  const wanted = new Map<string, Taken>();
  for (const one of taken) {
    const key = JSON.stringify([one.registration.merchantId, keyFor(one)]);
    const known = wanted.get(key);
    if (!known || timeMs(one) < timeMs(known)) wanted.set(key, one);
  }
  return wanted;
}

const keyFor = ({ registration, text }: Taken): string =>
  matchKeyOf(recipientIn(registration.recipient ?? ""), { memo: text });

const timeMs = ({ observation }: Taken): number =>
  transferTimeMs({ block: observation.block, firstSeenAtMs: observation.observedAtMs });

function created(facts: ChainFacts, taken: Taken, nowMs: number): { state: PaymentState; command: PaymentCommand } {
  const payment = paymentFor(facts, taken, nowMs);
  const decision = decide(null, { type: "create", payment }, nowMs);
  if (!decision.ok) throw new Error(`A registration's payment was refused: ${decision.refusal.message}`);
  const { state, events } = decision;
  const command: PaymentCommand = {
    kind: "payment",
    expectedSequence: 0,
    payment: state.payment,
    transfers: [],
    events,
    topics: topicsOf(state.payment),
    ...sharedRecipientOf(state.payment),
  };
  return { state, command };
}

/** Never older than the registration, so that nothing older is credited to it either. */
function paymentFor(facts: ChainFacts, taken: Taken, nowMs: number): NewPayment {
  const { registration, text } = taken;
  const { merchantId, chain, asset, decimals, address, policy } = registration;
  const match = { memo: text };
  return {
    // Not computed from the registration's id: whoever knows that one must not know these.
    id: randomUUID(),
    merchantId,
    chain,
    asset,
    decimals,
    amountAtomic: null,
    address,
    match,
    recipient: keyFor(taken),
    derivationIndex: null,
    uri: address === null ? null : facts.paymentUri({ address, asset, decimals, amountAtomic: null, match }),
    reference: text,
    customer: null,
    items: null,
    metadata: null,
    policy,
    expiresAtMs: null,
    monitoringSeconds: 0,
    createdAtMs: Math.min(nowMs, Math.max(registration.createdAtMs, timeMs(taken))),
  };
}
