/** Stored answers on SQLite. */
import type { IdempotentAnswer } from "../../log/event-log.ts";
import type { IdempotencyStore } from "../../log/store.ts";
import type { SqliteDatabase } from "./database.ts";

export class SqliteIdempotencyStore implements IdempotencyStore {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  idempotentAnswer(merchantId: string, key: string, nowMs: number): Promise<IdempotentAnswer | null> {
    return this.#database.read("idempotentAnswer", merchantId, key, nowMs);
  }

  storeIdempotentAnswer(answer: IdempotentAnswer): Promise<boolean> {
    return this.#database.write("storeIdempotentAnswer", answer);
  }

  deleteExpired(nowMs: number, limit: number): Promise<number> {
    return this.#database.write("deleteExpiredAnswers", nowMs, limit);
  }
}
