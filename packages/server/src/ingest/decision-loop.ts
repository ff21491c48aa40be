/**
 * Load → decide → append, and again for those payments that somebody else changed in between. The store refuses a
 * decision that was made on an old sequence, so no lock is held while deciding.
 */
import type { UnattributedReason } from "@paybell/protocol";
import type { Clock } from "../kit/clock.ts";
import { PaybellError } from "../kit/errors.ts";
import type {
  AppendCommand,
  AppendResult,
  EventLog,
  IdempotentAnswer,
  PaymentCommand,
  UnattributedCommand,
  WatcherProgress,
} from "../log/event-log.ts";
import type { PaymentStore } from "../log/store.ts";
import { topics } from "../log/topic.ts";
import type { DecidedEvent, Decision, Input, Refusal } from "../payments/decide.ts";
import { decide } from "../payments/decide.ts";
import type { PaymentState } from "../payments/payment.ts";
import { creditTimeMs, type Transfer, transferKey, viewTransfer } from "../payments/transfer.ts";
import { observedTransfer } from "./observed-transfer.ts";
import { topicsOf } from "./topics-of.ts";

/** One payment and what is to be decided about it, in order. */
export interface Work {
  paymentId: string;
  inputs: readonly Input[];
  /** The transfers concerned: of a standing payment only these are loaded. */
  concerning?: readonly { txId: string; index: string }[];
  /** Checked before deciding: another merchant's payment is "not found". */
  merchantId?: string;
  answer?: (state: PaymentState) => IdempotentAnswer;
}

export type Outcome =
  | { ok: true; state: PaymentState }
  | { ok: false; refusal: Refusal }
  /** A transfer belongs to another payment of the merchant by now: route it again. */
  | { ok: false; reroute: true }
  | { ok: false; idempotencyTaken: true };

/** Somebody changes this payment faster than we can decide: give up and say so. */
const MAX_ATTEMPTS = 20;

const NOT_FOUND: Outcome = { ok: false, refusal: { code: "not_found", message: "There is no such payment." } };

interface Folded {
  state: PaymentState;
  events: DecidedEvent[];
  changed: Map<string, Transfer>;
  unattributed: UnattributedCommand[];
}

export class DecisionLoop {
  readonly #log: EventLog;
  readonly #store: PaymentStore;
  readonly #clock: Clock;

  constructor(dependencies: { log: EventLog; store: PaymentStore; clock: Clock }) {
    this.#log = dependencies.log;
    this.#store = dependencies.store;
    this.#clock = dependencies.clock;
  }

  /**
   * Outcomes in the order of the work. `progress` is stored with the last append, and only if nothing is left undone.
   * @throws PaybellError `conflict` after too many attempts; whatever the store throws.
   */
  async run(work: readonly Work[], progress?: WatcherProgress): Promise<Outcome[]> {
    const outcomes = new Array<Outcome>(work.length);
    let open = work.map((_, index) => index);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      // A transfer that has to be routed again is not stored yet: neither may be that the chain was followed so far.
      const rerouted = outcomes.some((outcome) => outcome !== undefined && "reroute" in outcome);
      open = await this.#attempt(work, open, outcomes, rerouted ? undefined : progress);
      if (open.length === 0) return outcomes;
    }
    throw new PaybellError("conflict", "The payment is being changed by others all the time: repeat the request.");
  }

  /** Returns the work that met a conflict. */
  async #attempt(
    work: readonly Work[],
    open: readonly number[],
    outcomes: Outcome[],
    progress: WatcherProgress | undefined,
  ): Promise<number[]> {
    const states = await this.#store.loadForDecision(
      open.map((index) => {
        const { paymentId, concerning } = work[index] as Work;
        return concerning ? { paymentId, concerning } : { paymentId };
      }),
    );
    const commands: AppendCommand[] = [];
    const decided: { index: number; at: number; state: PaymentState }[] = [];
    for (const [place, index] of open.entries()) {
      const item = work[index] as Work;
      const state = states[place] ?? null;
      if (!state || (item.merchantId !== undefined && state.payment.merchantId !== item.merchantId)) {
        outcomes[index] = NOT_FOUND;
        continue;
      }
      const folded = foldInputs(state, item.inputs, this.#clock.nowMs());
      if ("refusal" in folded) {
        outcomes[index] = { ok: false, refusal: folded.refusal };
        continue;
      }
      outcomes[index] = { ok: true, state: folded.state };
      if (folded.events.length > 0 || item.answer) {
        decided.push({ index, at: commands.length, state: folded.state });
        commands.push(commandOf(state, folded, item.answer));
      }
      commands.push(...folded.unattributed);
    }
    if (commands.length === 0 && !progress) return [];
    const results = await this.#log.append(commands, progress);
    return settle(decided, results, outcomes);
  }
}

function settle(
  decided: readonly { index: number; at: number; state: PaymentState }[],
  results: readonly AppendResult[],
  outcomes: Outcome[],
): number[] {
  const again: number[] = [];
  for (const { index, at } of decided) {
    const result = results[at] as AppendResult;
    if (result.ok) continue;
    if (result.reason === "conflict") again.push(index);
    else if (result.reason === "idempotency") outcomes[index] = { ok: false, idempotencyTaken: true };
    else outcomes[index] = { ok: false, reroute: true };
  }
  return again;
}

function foldInputs(before: PaymentState, inputs: readonly Input[], atMs: number): Folded | { refusal: Refusal } {
  const folded: Folded = { state: before, events: [], changed: new Map(), unattributed: [] };
  for (const input of inputs) {
    const decision: Decision = decide(folded.state, input, atMs);
    if (!decision.ok) return { refusal: decision.refusal };
    folded.state = decision.state;
    folded.events.push(...decision.events);
    for (const transfer of decision.changed) folded.changed.set(transferKey(transfer), transfer);
    for (const { observation, why } of decision.rejected) {
      const { merchantId, address, chain } = before.payment;
      folded.unattributed.push(
        unattributed({ merchantId, address: address ?? observation.recipient, chain, why, atMs, observation }),
      );
    }
  }
  return folded;
}

function commandOf(before: PaymentState, folded: Folded, answer: Work["answer"]): PaymentCommand {
  const command: PaymentCommand = {
    kind: "payment",
    expectedSequence: before.payment.sequence,
    payment: folded.state.payment,
    transfers: [...folded.changed.values()],
    events: folded.events,
    // An erasure takes the customer's name out of the payment; those who listen are still to hear of it.
    topics: topicsOf(before.payment),
  };
  if (answer) command.idempotency = answer(folded.state);
  return command;
}

/** The command that records a transfer which is credited to nobody. */
export function unattributed(found: {
  merchantId: string;
  address: string;
  chain: string;
  why: UnattributedReason;
  atMs: number;
  observation: Parameters<typeof observedTransfer>[0];
}): UnattributedCommand {
  const { merchantId, address, chain, why, atMs, observation } = found;
  return {
    kind: "unattributed",
    merchantId,
    chain,
    txId: observation.txId,
    index: observation.index,
    creditTimeMs: creditTimeMs(observation),
    event: {
      type: "transfer.unattributed",
      atMs,
      data: {
        payment: null,
        transfers: [viewTransfer(observedTransfer(observation))],
        unattributed: { chain, asset: observation.asset, address, why },
      },
    },
    topics: [topics.merchant(merchantId), topics.address(merchantId, chain, address)],
  };
}
