/** Clients' sessions on SQLite. */
import type { ClientSession, SessionStore } from "../../log/store.ts";
import type { SqliteDatabase } from "./database.ts";

export class SqliteSessionStore implements SessionStore {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
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
