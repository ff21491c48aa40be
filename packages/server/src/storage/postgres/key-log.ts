/** What other processes' payments wait for, from the log on PostgreSQL. */
import type { KeyLog, NamedKey } from "../../log/store.ts";
import type { PostgresDatabase } from "./database.ts";

export class PostgresKeyLog implements KeyLog {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  keysAfter(
    chain: string,
    offset: number,
    limit: number,
  ): Promise<{ keys: readonly NamedKey[]; next: number; head: number }> {
    return this.#database.read("keysAfter", chain, offset, limit);
  }

  keysSince(sinceMs: number, limit: number): Promise<number> {
    return this.#database.read("keysSince", sinceMs, limit);
  }
}
