/**
 * Load → decide → append, for many callers at once. What is asked while a batch is under way waits for the next one: its
 * payments are read together, decided one after the other, and appended in one commit. Callers of one process therefore
 * never meet each other's conflicts. The store refuses a decision that was made on an old sequence, so no lock is held
 * against other processes; what they changed in between is decided again.
 */
import type { Clock } from "../kit/clock.ts";
import { PaybellError } from "../kit/errors.ts";
import { type AppendResult, type EventLog, LogOverloaded, type WatcherProgress } from "../log/event-log.ts";
import type { Fence } from "../log/leases.ts";
import type { PaymentStore } from "../log/store.ts";
import type { PaymentState } from "../payments/payment.ts";
import { IdempotencyTaken } from "./ingest.ts";
import { type PlannedCall, type PlannedItem, planCall } from "./plan-call.ts";
import { RecentPayments } from "./recent-payments.ts";
import type { Call, Check, Outcome, Work } from "./work.ts";
import { WorkingSet } from "./working-set.ts";

/** Somebody else changes this payment faster than we can decide: give up and say so. */
const MAX_ATTEMPTS = 20;
/** Payments decided together; a single larger call goes alone. */
const WORK_PER_BATCH = 1_000;

export interface DecisionLoopOptions {
  log: EventLog;
  store: PaymentStore;
  clock: Clock;
  /** Payments that may wait for a decision, see `LIMITS.pendingCommands`. */
  pendingCommands: number;
}

interface WaitingCall extends Call {
  /** How often another process was faster. */
  attempts: number;
  resolve: (outcomes: readonly Outcome[]) => void;
  reject: (error: unknown) => void;
}

interface Planned {
  call: WaitingCall;
  plan: PlannedCall;
}

type Appended = PromiseSettledResult<readonly AppendResult[]>;

export class DecisionLoop {
  readonly #options: DecisionLoopOptions;
  readonly #recent = new RecentPayments();
  #waiting: WaitingCall[] = [];
  #pending = 0;
  #running = false;

  constructor(options: DecisionLoopOptions) {
    this.#options = options;
  }

  /** Payments that wait for their decision or its commit. */
  get pending(): number {
    return this.#pending;
  }

  /** A payment was stored otherwise: the next decision about it need not read it. */
  remember(state: PaymentState): void {
    this.#recent.keep(state);
  }

  /**
   * Outcomes in the order of the work, after the commit. `progress` is stored with the last append, and only if nothing
   * is left undone; everything is appended with the fence.
   * @throws PaybellError `conflict` after too many attempts; what `check` throws; IdempotencyTaken, of a call with a check;
   * LogOverloaded; LeaseLost; whatever the store throws.
   */
  async run(
    work: readonly Work[],
    { progress, check, fence }: { progress?: WatcherProgress | undefined; check?: Check; fence?: Fence | null } = {},
  ): Promise<readonly Outcome[]> {
    const size = Math.max(1, work.length);
    // A call that is larger than the limit by itself is taken when nothing else waits: it could never be decided else.
    if (this.#pending > 0 && this.#pending + size > this.#options.pendingCommands) {
      throw new LogOverloaded(`${this.#pending} payments wait for their decision; no more are taken.`);
    }
    this.#pending += size;
    try {
      return await new Promise((resolve, reject) => {
        const outcomes = new Array<Outcome>(work.length);
        const open = work.map((_, index) => index);
        const known = { shortages: new Map(), fresh: false };
        const given = { progress: progress ?? null, check: check ?? null, fence: fence ?? null };
        const asked = { work, open, outcomes, ...given, ...known };
        this.#waiting.push({ ...asked, attempts: 0, resolve, reject });
        this.#start();
      });
    } finally {
      this.#pending -= size;
    }
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    // A microtask later, so that calls of the same moment share the first batch too.
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        await this.#decide(batch);
      } catch (error) {
        // The read failed: nothing of this batch was decided.
        for (const call of batch) call.reject(error);
      }
    }
    this.#running = false;
  }

  #take(): WaitingCall[] {
    let size = 0;
    let count = 0;
    for (const { open, progress } of this.#waiting) {
      if (count > 0 && (progress || size + open.length > WORK_PER_BATCH)) break;
      size += open.length;
      count += 1;
      // A watcher's progress must not be stored where something before it fails: it goes alone.
      if (progress) break;
    }
    return this.#waiting.splice(0, count);
  }

  async #decide(batch: readonly WaitingCall[]): Promise<void> {
    const { store, clock } = this.#options;
    const states = await WorkingSet.load(batch, store, this.#recent);
    const planned = this.#plan(batch, states, clock.nowMs());
    const appended = await this.#append(planned);
    const undone = new Set<string>();
    const again = planned.filter((one, at) => this.#settle(one, appended[at] as Appended, undone));
    // Before what came meanwhile: first come, first decided.
    this.#waiting.unshift(...again.map(({ call }) => call));
  }

  #plan(batch: readonly WaitingCall[], states: WorkingSet, nowMs: number): Planned[] {
    const planned: Planned[] = [];
    for (const call of batch) {
      try {
        planned.push({ call, plan: planCall(call, states, nowMs) });
      } catch (error) {
        call.reject(error);
      }
    }
    return planned;
  }

  /** In one commit; the error of one call is not another's. */
  async #append(planned: readonly Planned[]): Promise<readonly Appended[]> {
    if (planned.every(({ call, plan }) => plan.commands.length === 0 && !call.progress)) {
      return planned.map(() => ({ status: "fulfilled", value: [] }));
    }
    const calls = planned.map(({ call, plan }) => ({
      commands: plan.commands,
      progress: isComplete(call, plan) ? call.progress : null,
      allOrNone: call.check !== null,
      fence: call.fence,
    }));
    try {
      return await this.#options.log.appendTogether(calls);
    } catch (reason) {
      return planned.map(() => ({ status: "rejected", reason }));
    }
  }

  /**
   * @param undone payments of which an earlier call's command was not stored: what was decided after it does not hold
   * @returns whether something is to be decided again
   */
  #settle({ call, plan }: Planned, appended: Appended, undone: Set<string>): boolean {
    if (appended.status === "rejected") {
      for (const { commandAt, paymentId } of plan.items) if (commandAt !== null) this.#undo(paymentId, undone);
      call.reject(appended.reason);
      return false;
    }
    let refused = 0;
    call.open = plan.items.flatMap((item) => {
      const outcome = this.#outcomeOf(item, appended.value, { undone, call });
      if (outcome === "refused") refused += 1;
      if (typeof outcome === "string") return [item.index];
      call.outcomes[item.index] = outcome;
      return [];
    });
    if (call.check && appended.value.some(({ ok }) => !ok)) {
      if (appended.value.some((result) => !result.ok && result.reason === "idempotency")) {
        call.reject(new IdempotencyTaken());
        return false;
      }
      // Nothing of it was stored; the check finds out whose transfer it is.
      call.open = plan.items.map(({ index }) => index);
      refused += 1;
    }
    call.fresh = true;
    if (refused > 0) call.attempts += 1;
    if (call.open.length === 0) call.resolve(call.outcomes);
    else if (call.attempts >= MAX_ATTEMPTS) call.reject(tooManyAttempts());
    else return true;
    return false;
  }

  /** `refused`: another process was faster. `unsure`: decided on what is not, or may not be, in the store. */
  #outcomeOf(
    item: PlannedItem,
    results: readonly AppendResult[],
    { undone, call }: { undone: Set<string>; call: Call },
  ): Outcome | "refused" | "unsure" {
    const { paymentId, commandAt, outcome, after } = item;
    if (!item.isSure || undone.has(paymentId)) return "unsure";
    if (commandAt === null) return outcome;
    const result = results[commandAt];
    if (result?.ok) {
      if (after) this.#recent.keep(after);
      return outcome;
    }
    this.#undo(paymentId, undone);
    if (result?.reason === "idempotency") return { ok: false, idempotencyTaken: true };
    if (result?.reason === "transfer_credited") return { ok: false, reroute: true };
    // Decided again, without what is not free.
    if (result?.reason === "out_of_stock") call.shortages.set(paymentId, result.shortages);
    return "refused";
  }

  #undo(paymentId: string, undone: Set<string>): void {
    undone.add(paymentId);
    this.#recent.forget(paymentId);
  }
}

/** A transfer that has to be looked at again, or routed again, is not stored yet: neither may be that the chain was
 * followed so far. */
function isComplete({ outcomes }: Call, { items }: PlannedCall): boolean {
  const isRerouted = outcomes.some((outcome) => outcome !== undefined && "reroute" in outcome);
  return !isRerouted && items.every(({ isSure }) => isSure);
}

function tooManyAttempts(): PaybellError {
  return new PaybellError("conflict", "The payment is being changed by others all the time: repeat the request.");
}
