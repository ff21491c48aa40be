/** A payment's story in the words of the tests: what happens to it, and which events tell it. */
import type { EventType, PaymentStatus } from "@paybell/protocol";
import { type DecidedEvent, type Decision, decide, type Input, type NewPayment } from "../../src/payments/decide.ts";
import type { Payment, PaymentState } from "../../src/payments/payment.ts";
import type { BlockRef, Observation, Transfer } from "../../src/payments/transfer.ts";

export const CREATED_AT_MS = 1_000_000;
export const EXPIRES_AT_MS = CREATED_AT_MS + 900_000;
export const MONITOR_UNTIL_MS = EXPIRES_AT_MS + 86_400_000;

/** 10 SBX units, paid at 2 confirmations, final at 6, expires after 15 minutes, is monitored for a day. */
export function newPayment(changes: Partial<NewPayment> = {}): NewPayment {
  return {
    id: "7f0c9a52-6f0e-4c6b-9a3a-0d3a5b6a7c11",
    merchantId: "shop",
    chain: "sandbox",
    asset: "SBX",
    decimals: 6,
    amountAtomic: 10n,
    address: "sbx1",
    recipient: "sbx1",
    match: null,
    derivationIndex: null,
    uri: null,
    reference: "order-1",
    customer: "customer-1",
    items: null,
    metadata: { note: "gift" },
    policy: { confirmationsRequired: 2, finalConfirmations: 6 },
    expiresAtMs: EXPIRES_AT_MS,
    monitoringSeconds: 86_400,
    ...changes,
  };
}

export function block(height: number, branch = "a", timeMs = CREATED_AT_MS + height): BlockRef {
  return { height, hash: `${branch}${height}`, timeMs };
}

/** A transfer of 10, seen in the mempool soon after the payment was made. */
export function observation(changes: Partial<Observation> = {}): Observation {
  return {
    chain: "sandbox",
    txId: "tx1",
    index: "0",
    asset: "SBX",
    amountAtomic: 10n,
    recipient: "sbx1",
    status: "seen",
    confirmations: 0,
    block: null,
    observedAtMs: CREATED_AT_MS + 1_000,
    replaceable: false,
    replacedBy: null,
    spends: [],
    ...changes,
  };
}

type Change = Partial<Observation>;

export class Story {
  state: PaymentState;
  readonly history: DecidedEvent[] = [];
  /** What the last step told. */
  told: readonly DecidedEvent[] = [];
  rejected: readonly { observation: Observation; why: string }[] = [];
  atMs = CREATED_AT_MS;

  constructor(changes: Partial<NewPayment> = {}) {
    const decision = decide(null, { type: "create", payment: newPayment(changes) }, CREATED_AT_MS);
    if (!decision.ok) throw new Error(decision.refusal.message);
    this.state = decision.state;
    this.#keep(decision);
  }

  get payment(): Payment {
    return this.state.payment;
  }

  get status(): PaymentStatus {
    return this.state.payment.status;
  }

  transfer(txId = "tx1"): Transfer {
    const found = this.state.transfers.find((transfer) => transfer.txId === txId);
    if (!found) throw new Error(`no transfer ${txId}`);
    return found;
  }

  /** @returns the types of the events that this told */
  do(input: Input): EventType[] {
    const decision = this.try(input);
    if (!decision.ok) throw new Error(decision.refusal.message);
    this.state = decision.state;
    this.#keep(decision);
    return this.told.map((event) => event.type);
  }

  try(input: Input): Decision {
    this.atMs += 1;
    return decide(this.state, input, this.atMs);
  }

  observe(...observations: Observation[]): EventType[] {
    return this.do({ type: "observe", observations });
  }

  seen(changes: Change = {}): EventType[] {
    return this.observe(observation(changes));
  }

  /** In block 5 with one confirmation, unless said otherwise. */
  included(changes: Change = {}): EventType[] {
    return this.observe(observation({ status: "included", confirmations: 1, block: block(5), ...changes }));
  }

  lost(status: "orphaned" | "replaced" | "dropped" | "failed", changes: Change = {}): EventType[] {
    return this.observe(observation({ status, ...changes }));
  }

  head(height: number): EventType[] {
    return this.do({ type: "head", height });
  }

  tick(watchedUntilMs: number): EventType[] {
    return this.do({ type: "tick", watchedUntilMs });
  }

  #keep(decision: Extract<Decision, { ok: true }>): void {
    this.told = decision.events;
    this.rejected = decision.rejected;
    this.history.push(...decision.events);
  }
}

/** A payment that was paid by `tx1` in block 5, at two confirmations. */
export function paidStory(): Story {
  const story = new Story();
  story.included();
  story.head(6);
  return story;
}

/** … and is final, at six. */
export function finalStory(): Story {
  const story = paidStory();
  story.head(10);
  return story;
}

/** A payment that nobody paid in time. */
export function expiredStory(): Story {
  const story = new Story();
  story.tick(EXPIRES_AT_MS);
  return story;
}
