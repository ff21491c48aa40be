/** Stored answers on PostgreSQL. */
import type { IdempotentAnswer } from "../../log/event-log.ts";
import type { IdempotencyStore } from "../../log/store.ts";
import type { PostgresDatabase } from "./database.ts";

export class PostgresIdempotencyStore implements IdempotencyStore {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
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
