/** A real log on SQLite in a temporary directory, and records about nothing in particular to put into it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits } from "../src/kit/limits.ts";
import type { UnattributedCommand } from "../src/log/event-log.ts";
import type { Topic } from "../src/log/topic.ts";
import { SqliteDatabase } from "../src/storage/sqlite/database.ts";
import { SqliteEventLog } from "../src/storage/sqlite/event-log.ts";

export class ScratchLog {
  readonly log: SqliteEventLog;
  readonly #database: SqliteDatabase;
  readonly #dataDir: string;
  #made = 0;

  static async open(): Promise<ScratchLog> {
    const dataDir = await mkdtemp(join(tmpdir(), "paybell-log-"));
    const fail = (error: unknown) => {
      throw error;
    };
    const database = await SqliteDatabase.open({
      dataDir,
      mode: "sandbox",
      exclusive: true,
      pendingCommands: defaultLimits.pendingCommands,
      onFatal: fail,
      onListenerError: fail,
    });
    return new ScratchLog(database, dataDir);
  }

  private constructor(database: SqliteDatabase, dataDir: string) {
    this.#database = database;
    this.#dataDir = dataDir;
    this.log = new SqliteEventLog(database);
  }

  /** One commit with one record for each list of topics; returns their offsets. */
  async append(...topicsOfRecords: (readonly Topic[])[]): Promise<number[]> {
    const results = await this.log.append(topicsOfRecords.map((topics) => this.#command(topics)));
    return results.flatMap((result) => (result.ok ? result.records.map((record) => record.offset) : []));
  }

  async dispose(): Promise<void> {
    await this.#database.close();
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  #command(topics: readonly Topic[]): UnattributedCommand {
    this.#made += 1;
    return {
      kind: "unattributed",
      merchantId: "merchant",
      chain: "sandbox",
      txId: `tx${this.#made}`,
      index: "0",
      creditTimeMs: this.#made,
      event: { type: "transfer.unattributed", atMs: this.#made, data: { payment: null, transfers: [] } },
      topics,
    };
  }
}
