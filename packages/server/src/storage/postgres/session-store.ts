/** Clients' sessions on PostgreSQL. */
import type { ClientSession, SessionStore } from "../../log/store.ts";
import type { PostgresDatabase } from "./database.ts";

export class PostgresSessionStore implements SessionStore {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  session(id: string, seenSinceMs: number): Promise<ClientSession | null> {
    return this.#database.read("session", id, seenSinceMs);
  }

  keepSession(session: ClientSession, keep: number): Promise<void> {
    return this.#database.write("keepSession", session, keep);
  }

  deleteOld(seenBeforeMs: number, limit: number): Promise<number> {
    return this.#database.write("deleteOldSessions", seenBeforeMs, limit);
  }
}
