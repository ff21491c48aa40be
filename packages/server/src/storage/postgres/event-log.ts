/** The log on PostgreSQL. */
import type {
  AppendCall,
  AppendCommand,
  AppendResult,
  EventLog,
  LogRecord,
  ReadPage,
  WatcherProgress,
} from "../../log/event-log.ts";
import type { Fence } from "../../log/leases.ts";
import type { Topic } from "../../log/topic.ts";
import { recordFromRow } from "../records.ts";
import type { PostgresDatabase } from "./database.ts";

export class PostgresEventLog implements EventLog {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  get epoch(): string {
    return this.#database.epoch;
  }

  append(
    commands: readonly AppendCommand[],
    progress: WatcherProgress | null = null,
    fence: Fence | null = null,
  ): Promise<readonly AppendResult[]> {
    return this.#database.append({ commands, progress, fence });
  }

  appendTogether(calls: readonly AppendCall[]): Promise<readonly PromiseSettledResult<readonly AppendResult[]>[]> {
    return this.#database.appendTogether(calls);
  }

  async readAfter(offset: number, options: { topics?: readonly Topic[]; limit: number }): Promise<ReadPage> {
    const { rows, next, head, epoch } = await this.#database.read("readAfter", offset, options);
    this.#database.sameLog.requireEpoch(epoch);
    this.#database.sameLog.reached(head);
    return { records: rows.map(recordFromRow), next, head };
  }

  offsetSince(topic: Topic, sinceMs: number, limit: number): Promise<number> {
    return this.#database.read("offsetSince", topic, sinceMs, limit);
  }

  head(): Promise<number> {
    return this.#database.read("head");
  }

  onAppended(listener: (records: readonly LogRecord[]) => void): () => void {
    return this.#database.onAppended(listener);
  }
}
