/**
 * Group commit, the main thread's side: while one commit is under way, what comes meanwhile waits and then goes as one.
 * The more is asked at once, the fewer syncs each costs.
 */
import { type AppendCall, LogOverloaded } from "../../log/event-log.ts";
import { fromWire, type Outcome } from "./rpc.ts";
import { Unsendable } from "./worker-client.ts";
import { type Job, sizeOf } from "./writing/commit.ts";

/** Commands in one commit; a single larger call goes alone. Bounds how long one commit can hold up the next. */
const COMMANDS_PER_COMMIT = 1_000;

/** One commit, for metrics. */
export interface CommitTaken {
  /** Commands in it; a write beside the log counts as one. */
  commands: number;
  /** From its leaving to its answer: waiting for its turn in the writer and the sync of the disk included. */
  seconds: number;
}

export interface CommitQueueOptions {
  /** Commands that may wait, those under way included. */
  pendingCommands: number;
  /** Hands jobs to the writer; rejects when nothing of them was written. */
  send: (jobs: readonly Job[]) => Promise<readonly Outcome<unknown>[]>;
  /** Called after each commit with the jobs that were done and what the writer said of each, before its callers are
   * answered. Returns what they get, in the same order; must not throw. */
  onCommitted: (committed: readonly Committed[]) => readonly unknown[];
  /** Called once per commit that was written; must not throw. */
  onTaken: (commit: CommitTaken) => void;
}

/** What was asked for. */
interface Asked {
  job: Job;
  /** The calls of an append, as they were given. */
  calls: readonly AppendCall[];
}

export interface Committed extends Asked {
  /** What the writer said. */
  value: unknown;
}

interface Entry extends Asked {
  size: number;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export class CommitQueue {
  readonly #options: CommitQueueOptions;
  #waiting: Entry[] = [];
  #pending = 0;
  #running = false;
  #idle: (() => void)[] = [];

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  /** Resolves after the commit with what the job gave. Rejects when it failed, and then nothing of it was written.
   * @throws LogOverloaded */
  submit(asked: Asked): Promise<unknown> {
    const size = sizeOf(asked.job);
    // A call that is larger than the limit by itself is taken when nothing else waits: it could never be stored else.
    if (this.#pending > 0 && this.#pending + size > this.#options.pendingCommands) {
      return Promise.reject(new LogOverloaded(`${this.#pending} commands wait for the disk; no more are taken.`));
    }
    this.#pending += size;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...asked, size, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // A microtask later, so that calls of the same moment share the first commit too.
      queueMicrotask(() => void this.#run());
    });
  }

  /** Commands that wait, those under way included. */
  get pending(): number {
    return this.#pending;
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    if (!this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#commit(this.#take());
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #take(): Entry[] {
    let size = 0;
    let count = 0;
    for (const entry of this.#waiting) {
      if (count > 0 && size + entry.size > COMMANDS_PER_COMMIT) break;
      size += entry.size;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(entries: readonly Entry[]): Promise<void> {
    let outcomes: readonly Outcome<unknown>[];
    const leftAtMs = performance.now();
    try {
      outcomes = await this.#options.send(entries.map((entry) => entry.job));
    } catch (error) {
      // One of them holds something that cannot be sent to a thread; the others must not suffer for it.
      if (error instanceof Unsendable && entries.length > 1) for (const entry of entries) await this.#commit([entry]);
      else this.#fail(entries, error);
      return;
    }
    const seconds = (performance.now() - leftAtMs) / 1_000;
    this.#options.onTaken({ commands: entries.reduce((sum, { size }) => sum + size, 0), seconds });
    this.#answer(entries, outcomes);
  }

  #answer(entries: readonly Entry[], outcomes: readonly Outcome<unknown>[]): void {
    const committed = entries.flatMap((entry, at) => {
      const outcome = outcomes[at];
      return outcome?.ok ? [{ entry, job: entry.job, calls: entry.calls, value: outcome.value }] : [];
    });
    const answers = this.#options.onCommitted(committed);
    for (const { size } of entries) this.#pending -= size;
    for (const [at, { entry }] of committed.entries()) entry.resolve(answers[at]);
    for (const [at, entry] of entries.entries()) {
      const outcome = outcomes[at];
      if (!outcome) entry.reject(new Error("The writer gave no answer to a job."));
      else if (!outcome.ok) entry.reject(fromWire(outcome.error));
    }
  }

  #fail(entries: readonly Entry[], error: unknown): void {
    for (const entry of entries) {
      this.#pending -= entry.size;
      entry.reject(error);
    }
  }
}
