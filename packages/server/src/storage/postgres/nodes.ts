/**
 * The nodes on one database, as they tell each other of themselves: a row each, written anew with every round. Nothing of
 * it has to last, so the table is not logged: a crash of the database empties it, and every node writes its row again.
 */
import type { Nodes } from "../../kit/node-counts.ts";
import type { PostgresDatabase } from "./database.ts";

/** One statement: what is told is seen by the next, and what is heard is of one moment. */
const EXCHANGE = `WITH told AS (
    INSERT INTO nodes (id, seen_at, told) VALUES ($1, clock_timestamp(), $2)
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, told = excluded.told
  )
  SELECT told FROM nodes WHERE id <> $1 AND seen_at > clock_timestamp() - $3::float8 * interval '1 millisecond'`;

const LEAVE = "DELETE FROM nodes WHERE id = $1 OR seen_at < clock_timestamp() - interval '1 hour'";

export class PostgresNodes implements Nodes {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  async exchange(id: string, told: string, liveMs: number): Promise<readonly string[]> {
    const others = await this.#database.lease((connection) =>
      connection.all<{ told: string }>(EXCHANGE, id, told, liveMs),
    );
    return others.map((other) => other.told);
  }

  /** Rows of those that ended without a word go too, some time. */
  async leave(id: string): Promise<void> {
    await this.#database.lease((connection) => connection.run(LEAVE, id));
    this.#database.hint("left");
  }

  onLeft(listener: () => void): () => void {
    return this.#database.onHint("left", listener);
  }
}
