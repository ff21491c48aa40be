/**
 * The SQLite store: one directory, two worker threads. The writer commits, the reader reads; the main thread only sends
 * and receives, so that a slow disk never stops the event loop. Why two: docs/decisions/0001-sqlite-in-workers.md.
 */
import { messageOf } from "../../kit/errors.ts";
import type { AppendCall, AppendResult, LogRecord } from "../../log/event-log.ts";
import type { Mode } from "../meta.ts";
import { CommitQueue, type CommitTaken, type Committed } from "./commit-queue.ts";
import type { Connection } from "./connection.ts";
import { mapPacked } from "./packed.ts";
import type { ReaderOperations } from "./reader.ts";
import type { Reads } from "./reading/reads.ts";
import { type Appended, appendedFrom } from "./records.ts";
import { StorageError } from "./rpc.ts";
import type { Started } from "./start.ts";
import { callToWire } from "./wire.ts";
import { Unsendable, WorkerClient } from "./worker-client.ts";
import type { WriterOperations } from "./writer.ts";
import type { Job, StoredCall } from "./writing/commit.ts";
import type { Writes } from "./writing/writes.ts";

export interface SqliteOptions {
  /** Made if it is not there. Holds paybell.db, and the lock of the server that runs on it. */
  dataDir: string;
  /** Stored at the first start; another one is refused later. */
  mode: Mode;
  /** `true` for a server: a second one on this directory is refused. `false` for a CLI command beside it. */
  exclusive: boolean;
  /** Commands that may wait for the disk, see `LIMITS.pendingCommands`. */
  pendingCommands: number;
  /** A worker thread died: nothing can be stored or read any more; the process should end. */
  onFatal: (error: Error) => void;
  /** Called once per commit that was written, for metrics; must not throw. */
  onCommit?: (commit: CommitTaken) => void;
  /** A listener of `onAppended` threw: what it missed, it missed; the log goes on. Must not throw itself. */
  onListenerError: (error: unknown) => void;
}

type Listener = (records: readonly LogRecord[]) => void;
/** The arguments of an operation behind its connection. */
type Arguments<F> = F extends (connection: Connection, ...args: infer A) => unknown ? A : never;
type Result<F> = F extends (...args: never[]) => infer R ? R : never;

/** A worker's file; beside this one, and built like it. */
function entry(name: "writer" | "reader"): URL {
  return new URL(`./${name}${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
}

export class SqliteDatabase {
  readonly #options: SqliteOptions;
  readonly #writer: WorkerClient<WriterOperations>;
  readonly #reader: WorkerClient<ReaderOperations>;
  readonly #queue: CommitQueue;
  readonly #listeners = new Set<Listener>();
  #started: Started = { file: "", epoch: "", migrated: [] };
  #closing: Promise<void> | null = null;

  private constructor(options: SqliteOptions) {
    this.#options = options;
    this.#writer = new WorkerClient<WriterOperations>("sqlite-writer", entry("writer"), options.onFatal);
    this.#reader = new WorkerClient<ReaderOperations>("sqlite-reader", entry("reader"), options.onFatal);
    this.#queue = new CommitQueue({
      pendingCommands: options.pendingCommands,
      send: (jobs) => this.#writer.call("commit", jobs),
      onTaken: (commit) => options.onCommit?.(commit),
      onCommitted: (committed) => this.#announce(committed),
    });
  }

  /** @throws StartupError: another server runs on the directory, another mode, a newer schema, no durability. */
  static async open(options: SqliteOptions): Promise<SqliteDatabase> {
    const database = new SqliteDatabase(options);
    try {
      database.#started = await database.#writer.call("open", {
        dataDir: options.dataDir,
        mode: options.mode,
        exclusive: options.exclusive,
      });
      await database.#reader.call("open", database.#started.file);
      return database;
    } catch (error) {
      await Promise.all([database.#writer.end(), database.#reader.end()]);
      throw error;
    }
  }

  get epoch(): string {
    return this.#started.epoch;
  }

  /** Names of the migrations that this opening has applied. */
  get migrated(): readonly string[] {
    return this.#started.migrated;
  }

  /** Commands that wait for the disk. */
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
    let job: Job;
    try {
      job = { kind: "append", calls: mapPacked(calls, callToWire) };
    } catch (error) {
      throw new Unsendable(messageOf(error), { cause: error });
    }
    return (await this.#submit(job, calls)) as readonly Appended[];
  }

  /** A write beside the log; shares the next commit. */
  async write<N extends keyof Writes>(name: N, ...args: Arguments<Writes[N]>): Promise<Result<Writes[N]>> {
    return (await this.#submit({ kind: "write", name, args })) as Result<Writes[N]>;
  }

  async read<N extends keyof Reads>(name: N, ...args: Arguments<Reads[N]>): Promise<Result<Reads[N]>> {
    return (await this.#reader.call("read", name, args)) as Result<Reads[N]>;
  }

  onAppended(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stores what still waits, then closes the file and gives up the lock. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.drained();
    try {
      await this.#reader.call("close");
      await this.#writer.call("close");
    } finally {
      await Promise.all([this.#reader.end(), this.#writer.end()]);
    }
  }

  #submit(job: Job, calls: readonly AppendCall[] = []): Promise<unknown> {
    if (this.#closing) return Promise.reject(new StorageError("The database was closed."));
    return this.#queue.submit({ job, calls });
  }

  /** Tells the listeners what was written, and returns what the callers get. */
  #announce(committed: readonly Committed[]): readonly unknown[] {
    const records: LogRecord[] = [];
    const answers = committed.map(({ job, calls, value }) => {
      if (job.kind === "write") return value;
      const appended = appendedFrom(this.epoch, calls, value as readonly StoredCall[]);
      for (const call of appended) {
        if (call.status === "rejected") continue;
        for (const result of call.value) if (result.ok) records.push(...result.records);
      }
      return appended;
    });
    if (records.length > 0) for (const listener of this.#listeners) this.#tell(listener, records);
    return answers;
  }

  #tell(listener: Listener, records: readonly LogRecord[]): void {
    try {
      listener(records);
    } catch (error) {
      this.#options.onListenerError(error);
    }
  }
}
