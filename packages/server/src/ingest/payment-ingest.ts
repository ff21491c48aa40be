/**
 * Ingest: everything that is written comes through here, whether a watcher saw it or a caller asked for it.
 * Source: DESIGN.md, "The one path".
 */
import type { ChainFacts, WatchReport } from "../chains/watcher.ts";
import { PaybellError } from "../kit/errors.ts";
import type { UnattributedCommand, WatcherProgress } from "../log/event-log.ts";
import type { Fence } from "../log/leases.ts";
import type { PaymentStore } from "../log/store.ts";
import type { Input } from "../payments/decide.ts";
import type { Payment, PaymentState } from "../payments/payment.ts";
import { claimedKey, claimedTxId } from "./claim.ts";
import { Creation, type CreationOptions } from "./creation.ts";
import { DecisionLoop } from "./decision-loop.ts";
import {
  type AnswerToAll,
  type AnswerWith,
  type CreateRequest,
  IdempotencyTaken,
  type Ingest,
  type OrderRequest,
  type PaymentCommandInput,
  type ReportedObservation,
} from "./ingest.ts";
import { planObservations } from "./plan-observations.ts";
import { Registrations } from "./registrations.ts";
import { planReport } from "./report.ts";
import { WatchProgress, type WatchProgressOptions } from "./watch-progress.ts";
import type { Outcome, Work } from "./work.ts";

export interface PaymentIngestOptions extends CreationOptions, Pick<WatchProgressOptions, "storeProgressEveryMs"> {
  store: PaymentStore;
  /** May a merchant report what happens on this chain? Not where it is watched here. */
  observable: (chain: string) => boolean;
  /** See `LIMITS.transfersPerPayment`. */
  transfersPerPayment: number;
  /** Payments per commit when one block concerns many: bounds the time for which a commit holds up others. */
  groupSize: number;
  /** See `LIMITS.pendingCommands`. */
  pendingCommands: number;
}

/** How often a report is routed anew when payments change under it. */
const MAX_ROUTES = 10;

export class PaymentIngest implements Ingest {
  readonly #options: PaymentIngestOptions;
  readonly #loop: DecisionLoop;
  readonly #creation: Creation;
  readonly #registrations: Registrations;
  readonly #progress: WatchProgress;

  constructor(options: PaymentIngestOptions) {
    this.#options = options;
    this.#loop = new DecisionLoop(options);
    this.#progress = new WatchProgress(options);
    this.#creation = new Creation(options, (state) => this.#loop.remember(state));
    this.#registrations = new Registrations(options, (state) => this.#loop.remember(state));
  }

  create(request: CreateRequest, answer?: AnswerWith): Promise<PaymentState> {
    return this.#creation.payment(request, answer);
  }

  createOrder(request: OrderRequest, answer?: AnswerWith): Promise<PaymentState> {
    return this.#creation.order(request, answer);
  }

  async execute(
    merchantId: string,
    paymentId: string,
    input: PaymentCommandInput,
    answer?: AnswerWith,
  ): Promise<PaymentState> {
    const inputs = (payment: Payment) => [this.#said(payment, input)];
    const work: Work = { paymentId, merchantId, inputs };
    if (answer) work.answer = ([state]) => answer(state as PaymentState);
    const [outcome] = await this.#loop.run([work]);
    const state = stateOf(outcome as Outcome);
    if (input.type === "claim" && input.txId !== undefined) this.#lookUp(state.payment);
    return state;
  }

  #said(payment: Payment, input: PaymentCommandInput): Input {
    if (input.type !== "claim" || input.txId === undefined) return input;
    return { type: "claim", txId: claimedTxId(payment, input.txId, this.#options.chains) };
  }

  /** Also when it was claimed before: the node may not have known it then. */
  #lookUp(payment: Payment): void {
    const key = claimedKey(payment);
    if (key !== null) this.#options.watchList.lookUp(payment.chain, key);
  }

  async observe(
    merchantId: string,
    reported: readonly ReportedObservation[],
    answer?: AnswerToAll,
  ): Promise<readonly PaymentState[]> {
    const { work, check } = planObservations(merchantId, reported, this.#options);
    if (answer)
      for (const one of work) one.answer = (states) => (states.length === work.length ? answer(states) : null);
    const outcomes = await this.#loop.run(work, { check });
    return outcomes.map(stateOf);
  }

  async report(facts: ChainFacts, report: WatchReport, fence: Fence | null = null): Promise<void> {
    const { disconnected, observations, head, cursor, watchedUntilMs } = report;
    const idle = disconnected.length === 0 && observations.length === 0 && head === null && cursor === null;
    if (!idle) await this.#applyReport(facts, report, fence);
    if (watchedUntilMs !== null) await this.#progress.reached(facts.chain, watchedUntilMs, cursor !== null, fence);
  }

  async #applyReport(facts: ChainFacts, report: WatchReport, fence: Fence | null): Promise<void> {
    const { chain } = facts;
    for (let attempt = 0; attempt < MAX_ROUTES; attempt += 1) {
      const { store, clock, transfersPerPayment } = this.#options;
      await this.#registrations.openFor(facts, report.observations, fence);
      const plan = await planReport(chain, report, { store, transfersPerPayment, atMs: clock.nowMs() });
      await this.#tellUnattributed(plan.unattributed, fence);
      const progress = await this.#progressOf(chain, report);
      if (await this.#runInGroups(plan.work, progress, fence)) return;
    }
    throw new PaybellError("conflict", `The payments on ${chain} change faster than a report can be written.`);
  }

  /** Each once, however often it is reported. Whoever wants to litter a shared address sends thousands in one block. */
  async #tellUnattributed(commands: readonly UnattributedCommand[], fence: Fence | null): Promise<void> {
    const { log, groupSize } = this.#options;
    for (let start = 0; start < commands.length; start += groupSize) {
      await log.append(commands.slice(start, start + groupSize), null, fence);
    }
  }

  /** Returns false when a transfer has found another payment meanwhile. */
  async #runInGroups(
    work: readonly Work[],
    progress: WatcherProgress | undefined,
    fence: Fence | null,
  ): Promise<boolean> {
    const { groupSize } = this.#options;
    let start = 0;
    do {
      const group = work.slice(start, start + groupSize);
      start += groupSize;
      const last = start >= work.length;
      const outcomes = await this.#loop.run(group, { progress: last ? progress : undefined, fence });
      if (outcomes.some((outcome) => "reroute" in outcome)) return false;
    } while (start < work.length);
    return true;
  }

  async #progressOf(chain: string, report: WatchReport): Promise<WatcherProgress | undefined> {
    if (report.cursor === null) return undefined;
    const before = await this.#options.store.progress(chain);
    return {
      chain,
      cursor: report.cursor,
      headHeight: report.head?.height ?? before?.headHeight ?? 0,
      watchedUntilMs: report.watchedUntilMs ?? before?.watchedUntilMs ?? 0,
    };
  }

  /** Everything that happened on the chain until then is in the log, milliseconds; `null`: not known yet. */
  watchedUntilMs(chain: string): number | null {
    return this.#progress.lastUntilMs(chain);
  }

  async tick(): Promise<void> {
    for (const { facts, watched } of this.#options.chains.all) {
      await this.#tickChain(facts.chain, watched);
    }
  }

  async #tickChain(chain: string, watched: boolean): Promise<void> {
    const { clock, store, groupSize } = this.#options;
    const nowMs = clock.nowMs();
    const watchedUntilMs = watched ? Math.min(await this.#progress.untilMs(chain), nowMs) : nowMs;
    const tick: Input = { type: "tick", watchedUntilMs };
    const done = new Set<string>();
    for (;;) {
      const due = await store.dueAtTime(chain, watchedUntilMs, groupSize);
      const work = due.filter((paymentId) => !done.has(paymentId));
      if (work.length === 0) return;
      await this.#loop.run(work.map((paymentId) => ({ paymentId, inputs: () => [tick] })));
      for (const paymentId of work) done.add(paymentId);
      if (due.length < groupSize) return;
    }
  }
}

function refused(refusal: { code: PaybellError["code"]; message: string; details?: unknown }): PaybellError {
  return new PaybellError(refusal.code, refusal.message, refusal.details);
}

function stateOf(outcome: Outcome): PaymentState {
  if (outcome.ok) return outcome.state;
  if ("refusal" in outcome) throw refused(outcome.refusal);
  if ("idempotencyTaken" in outcome) throw new IdempotencyTaken();
  // It found its payment after the request was checked. Repeating is safe, and says which payment that is.
  throw new PaybellError("conflict", "Another request is about the same transfer: repeat this one.");
}
