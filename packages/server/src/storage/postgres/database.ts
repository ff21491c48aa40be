/**
 * The PostgreSQL store: any number of processes on one database. One connection appends, some others read and do single
 * writes, one listens. All waiting is the network's: nothing here holds up the event loop.
 */
import { StartupError } from "../../kit/startup-error.ts";
import type { AppendCall, AppendResult, LogRecord } from "../../log/event-log.ts";
import type { Mode } from "../meta.ts";
import { resultsOf } from "../records.ts";
import { CommitQueue, type CommitTaken, type Stored } from "./commit-queue.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { Raced, StorageError } from "./errors.ts";
import { type Hint, Hints } from "./hints.ts";
import { Pool } from "./pool.ts";
import { type Reads, reads } from "./reading/reads.ts";
import { SameLog } from "./same-log.ts";
import { type Inquiry, Signatories } from "./signature.ts";
import { requireFit, type Started, start } from "./start.ts";
import { WorkClaims } from "./work-claims.ts";
import { Writer } from "./writer.ts";
import type { Job } from "./writing/commit.ts";
import { prepareCall } from "./writing/prepare.ts";
import { transaction } from "./writing/transaction.ts";
import { type Writes, writes } from "./writing/writes.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`. */
  url: string;
  /** Stored at the first start; another one is refused later. */
  mode: Mode;
  /** The log is no longer the one that this process began on: it should end. */
  onFatal: (error: Error) => void;
  /** Commands that may wait for the database, see `LIMITS.pendingCommands`. */
  pendingCommands: number;
  /** See `LIMITS.databaseConnections`. */
  connections: number;
  /** See `LIMITS.databaseStatementMs`. */
  statementTimeoutMs: number;
  /** How long a call waits for a database that cannot be reached, milliseconds; default 5,000. */
  patienceMs?: number;
  /** For how long work that is shared is left to the process that took it, milliseconds; default 30,000. */
  claimMs?: number;
  /** Called once per commit that was written, for metrics; must not throw. */
  onCommit?: (commit: CommitTaken) => void;
  /** A listener of `onAppended` threw, or a hint could not be told or heard: the log goes on. Must not throw itself. */
  onError: (error: unknown) => void;
}

export type Appended = PromiseSettledResult<readonly AppendResult[]>;
type Listener = (records: readonly LogRecord[]) => void;
/** The arguments of an operation behind its connection. */
type Arguments<F> = F extends (connection: Connection, ...args: infer A) => unknown ? A : never;
type Result<F> = F extends (...args: never[]) => Promise<infer R> ? R : never;
type Operation = (connection: Connection, ...args: readonly unknown[]) => Promise<unknown>;

const CONNECT_TIMEOUT_MS = 5_000;
const PATIENCE_MS = 5_000;
const CLAIM_MS = 30_000;
/** How long it is asked what became of a commit whose answer was lost. */
const UNKNOWN_MS = 30_000;
/** How often a single write is tried again that others were faster than. */
const RACES = 5;
/** Connections on which leases are had: one step may wait for a commit under the lease. */
const LEASING = 2;

export class PostgresDatabase {
  readonly #options: PostgresOptions;
  readonly sameLog: SameLog;
  /** Parts of the work that all processes share. */
  readonly claims: WorkClaims;
  readonly #pool: Pool;
  /** Leases have connections of their own: they must be renewed in time, however much is read. */
  readonly #leasing: Pool;
  readonly #writer: Writer;
  readonly #hints: Hints;
  readonly #inquiry: Inquiry;
  readonly #signatories = new Signatories();
  readonly #queue: CommitQueue<readonly Appended[]>;
  readonly #listeners = new Set<Listener>();
  readonly #hinted = new Map<Hint, Set<() => void>>();
  #started: Started = { epoch: "", migrated: [] };
  #closing: Promise<void> | null = null;

  private constructor(options: PostgresOptions) {
    this.#options = options;
    this.sameLog = new SameLog(options.onFatal);
    const patienceMs = options.patienceMs ?? PATIENCE_MS;
    const open = () => openConnection(options);
    const openDurable = async () => {
      const connection = await open();
      try {
        await Promise.all([requireFit(connection), this.sameLog.require(connection)]);
        return connection;
      } catch (error) {
        await connection.close();
        throw error;
      }
    };
    this.#pool = new Pool({ open: openDurable, size: options.connections, patienceMs });
    this.#leasing = new Pool({ open: openDurable, size: LEASING, patienceMs });
    this.claims = new WorkClaims(this.#pool, options.claimMs ?? CLAIM_MS);
    this.#inquiry = { open: openDurable, unknownMs: UNKNOWN_MS };
    this.#writer = new Writer({ ...this.#inquiry, patienceMs });
    this.#hints = new Hints({ pool: this.#pool, open, onHint: (hint) => this.#hint(hint), onError: options.onError });
    this.#queue = new CommitQueue({
      pendingCommands: options.pendingCommands,
      send: (jobs) => this.#writer.commit(jobs),
      onTaken: (commit) => options.onCommit?.(commit),
      onCommitted: (stored) => this.#announce(stored),
    });
  }

  /** @throws StartupError: nobody answers, another mode, a newer schema, no durability */
  static async open(options: PostgresOptions): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(options);
    const connection = await connectAtStart(options);
    try {
      database.#started = await start(connection, options.mode);
      database.sameLog.begin(database.epoch);
      await database.#writer.start();
    } finally {
      await connection.close();
    }
    database.#hints.start();
    return database;
  }

  get epoch(): string {
    return this.#started.epoch;
  }

  /** Names of the migrations that this opening has applied. */
  get migrated(): readonly string[] {
    return this.#started.migrated;
  }

  /** Commands that wait for the database. */
  get pendingCommands(): number {
    return this.#queue.pending;
  }

  async append(call: AppendCall): Promise<readonly AppendResult[]> {
    const [appended] = await this.appendTogether([call]);
    if (appended?.status === "rejected") throw appended.reason;
    return appended?.value ?? [];
  }

  async appendTogether(calls: readonly AppendCall[]): Promise<readonly Appended[]> {
    if (calls.every(({ commands, progress }) => commands.length === 0 && !progress)) {
      return calls.map(() => ({ status: "fulfilled", value: [] }));
    }
    this.#requireOpen();
    const job: Job = calls.map(prepareCall);
    return this.#queue.submit({ job, calls });
  }

  /** A write beside the log, in a transaction of its own.
   * @throws LogOverloaded, StorageError, or what the database has against it */
  async write<N extends keyof Writes>(name: N, ...args: Arguments<Writes[N]>): Promise<Result<Writes[N]>> {
    this.#requireOpen();
    this.#queue.admit(1);
    try {
      const write = writes[name] as Operation;
      return (await this.#transact((connection) => write(connection, ...args))) as Result<Writes[N]>;
    } finally {
      this.#queue.leave(1);
    }
  }

  async read<N extends keyof Reads>(name: N, ...args: Arguments<Reads[N]>): Promise<Result<Reads[N]>> {
    const read = reads[name] as Operation;
    return (await this.#pool.use((connection) => read(connection, ...args))) as Result<Reads[N]>;
  }

  /** A step about a lease, or another short one that must not wait for reads. */
  lease<T>(step: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#leasing.use(step);
  }

  onAppended(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called when another process has told this hint, or may have: whoever it concerns should look. */
  onHint(hint: Hint, listener: () => void): () => void {
    const listeners = this.#hinted.get(hint) ?? new Set();
    this.#hinted.set(hint, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Tells the other processes, after a commit. */
  hint(hint: Hint): void {
    this.#hints.tell(hint);
  }

  /** Stores what still waits, then closes the connections. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.drained();
    await this.#hints.stop();
    await this.#pool.close();
    await this.#writer.close(this.#signatories.ids);
    await this.#leasing.close();
  }

  #requireOpen(): void {
    if (this.#closing) throw new StorageError("The database was closed.");
  }

  async #transact<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    for (let races = 0; ; races += 1) {
      try {
        return await this.#pool.use(async (connection) => {
          const signature = this.#signatories.take();
          try {
            return await transaction(connection, this.#inquiry, signature, work);
          } finally {
            this.#signatories.giveBack(signature);
          }
        });
      } catch (error) {
        if (!(error instanceof Raced) || races === RACES) throw error;
      }
    }
  }

  /** Tells the listeners what was written, and returns what the callers get. */
  #announce(stored: readonly Stored[]): readonly (readonly Appended[])[] {
    const records: LogRecord[] = [];
    const answers = stored.map(({ calls, outcomes }) =>
      calls.map(({ commands }, at): Appended => {
        const outcome = outcomes[at];
        if (!outcome) throw new Error("A commit gave no answer to a call.");
        if (outcome.status === "rejected") return outcome;
        const value = resultsOf(this.epoch, commands, outcome.value);
        for (const result of value) if (result.ok) records.push(...result.records);
        return { status: "fulfilled", value };
      }),
    );
    if (records.length > 0) {
      this.sameLog.reached(records.at(-1)?.offset ?? 0);
      for (const listener of this.#listeners) this.#call(() => listener(records));
      this.hint("appended");
    }
    return answers;
  }

  #hint(hint: Hint): void {
    for (const listener of this.#hinted.get(hint) ?? []) this.#call(listener);
  }

  #call(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

function openConnection(options: PostgresOptions, given: Partial<ConnectionOptions> = {}): Promise<Connection> {
  const { url, statementTimeoutMs } = options;
  return Connection.open({ url, statementTimeoutMs, connectTimeoutMs: CONNECT_TIMEOUT_MS, ...given });
}

/** Migrations may take longer than any other statement. */
async function connectAtStart(options: PostgresOptions): Promise<Connection> {
  try {
    return await openConnection(options, { statementTimeoutMs: 0 });
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw new StartupError(
      `The database cannot be used: ${error.message}`,
      "Start PostgreSQL, or correct PAYBELL_DATABASE_URL (postgres://user:password@host:port/database).",
    );
  }
}
