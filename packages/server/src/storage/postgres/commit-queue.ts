/**
 * Group commit: while one commit is under way, what comes meanwhile waits and then goes as one. The more is asked at once,
 * the fewer syncs, round trips and turns at the counter each costs.
 */
import { type AppendCall, LogOverloaded } from "../../log/event-log.ts";
import type { StoredCall } from "./writing/calls.ts";
import type { Job } from "./writing/commit.ts";

/** Commands in one commit; a single larger call goes alone. Bounds how long one commit can hold up the next, here and in
 * other processes. */
const COMMANDS_PER_COMMIT = 1_000;

/** One commit, for metrics. */
export interface CommitTaken {
  commands: number;
  /** From its leaving to its answer: other processes' turns and the sync of the disk included. */
  seconds: number;
}

export interface CommitQueueOptions<Answer> {
  /** Commands that may wait, those under way included. */
  pendingCommands: number;
  /** Stores jobs in one commit; rejects when nothing of them was written. */
  send: (jobs: readonly Job[]) => Promise<readonly (readonly StoredCall[])[]>;
  /** Called after each commit with what was stored, before its callers are answered. Returns what they get, in the same
   * order; must not throw. */
  onCommitted: (stored: readonly Stored[]) => readonly Answer[];
  /** Called once per commit that was written; must not throw. */
  onTaken: (commit: CommitTaken) => void;
}

/** What was asked for. */
interface Asked {
  job: Job;
  /** The calls of an append, as they were given. */
  calls: readonly AppendCall[];
}

export interface Stored {
  calls: readonly AppendCall[];
  outcomes: readonly StoredCall[];
}

interface Entry<Answer> extends Asked {
  size: number;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

export class CommitQueue<Answer> {
  readonly #options: CommitQueueOptions<Answer>;
  #waiting: Entry<Answer>[] = [];
  #pending = 0;
  #running = false;
  #idle: (() => void)[] = [];

  constructor(options: CommitQueueOptions<Answer>) {
    this.#options = options;
  }

  /** Resolves after the commit. Rejects when it failed, and then nothing of it was written.
   * @throws LogOverloaded */
  submit(asked: Asked): Promise<Answer> {
    const size = Math.max(
      1,
      asked.job.reduce((sum, { commands }) => sum + commands.length, 0),
    );
    try {
      this.admit(size);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...asked, size, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // A microtask later, so that calls of the same moment share the first commit too.
      queueMicrotask(() => void this.#run());
    });
  }

  /**
   * Counts commands among those that wait, also such as go another way, until `leave`.
   * @throws LogOverloaded
   */
  admit(size: number): void {
    // A call that is larger than the limit by itself is taken when nothing else waits: it could never be stored else.
    if (this.#pending > 0 && this.#pending + size > this.#options.pendingCommands) {
      throw new LogOverloaded(`${this.#pending} commands wait for the database; no more are taken.`);
    }
    this.#pending += size;
  }

  leave(size: number): void {
    this.#pending -= size;
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

  #take(): Entry<Answer>[] {
    let size = 0;
    let count = 0;
    for (const entry of this.#waiting) {
      if (count > 0 && size + entry.size > COMMANDS_PER_COMMIT) break;
      size += entry.size;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(entries: readonly Entry<Answer>[]): Promise<void> {
    const leftAtMs = performance.now();
    let outcomes: readonly (readonly StoredCall[])[];
    try {
      outcomes = await this.#options.send(entries.map(({ job }) => job));
    } catch (error) {
      for (const { size, reject } of entries) {
        this.leave(size);
        reject(error);
      }
      return;
    }
    const seconds = (performance.now() - leftAtMs) / 1_000;
    this.#options.onTaken({ commands: entries.reduce((sum, { size }) => sum + size, 0), seconds });
    const stored = entries.map(({ calls }, at) => ({ calls, outcomes: outcomes[at] ?? [] }));
    const answers = this.#options.onCommitted(stored);
    for (const { size } of entries) this.leave(size);
    for (const [at, { resolve }] of entries.entries()) resolve(answers[at] as Answer);
  }
}
