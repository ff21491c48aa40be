/**
 * Work that is shared between the processes on one database: each takes a part that nobody else has, for a bounded time. A
 * process that dies leaves its part to the others when that time is over.
 *
 * It keeps processes from doing the same, and is no lock: whoever is slower than his time may meet another one at the same
 * work. That it has one effect is for the work itself to see to (`expectedSequence`, a cursor, a fence).
 */
import { randomUUID } from "node:crypto";
import type { Connection, Parameter } from "./connection.ts";
import type { Pool } from "./pool.ts";

export interface Work {
  /** What is taken, one name for all that is asked for together: it stands in `work_claims.kind`. */
  kind: string;
  /**
   * A query of `id` and `place`, for what there is to do, over `$1` (kind), `$2` (holder) and its own parameters from `$5`
   * on. It leaves out what others have (`unclaimed`), takes at most `$4` in the order of `place`, and locks their rows with
   * `FOR NO KEY UPDATE SKIP LOCKED`, so that two who ask in one moment find different ones.
   */
  candidates: string;
  parameters: readonly Parameter[];
  limit: number;
}

/** Condition of a query of candidates. @param id its column */
export const unclaimed = (id: string): string =>
  `NOT EXISTS (SELECT 1 FROM work_claims c WHERE c.kind = $1 AND c.item = ${id} AND c.holder <> $2
     AND c.claimed_until > clock_timestamp())`;

/** Who looked before another one's claim was committed, and locked the row after it, finds the claim here. */
const take = (candidates: string): string => `WITH found AS MATERIALIZED (${candidates}),
  taken AS (
    INSERT INTO work_claims AS w (kind, item, holder, claimed_until)
    SELECT $1, id, $2, clock_timestamp() + $3::float8 * interval '1 millisecond' FROM found
    ON CONFLICT (kind, item) DO UPDATE SET holder = excluded.holder, claimed_until = excluded.claimed_until
      WHERE w.holder = excluded.holder OR w.claimed_until <= clock_timestamp()
    RETURNING item
  )
  SELECT (SELECT json_agg(id ORDER BY place, id) FROM found)::text AS found,
    (SELECT json_agg(item) FROM taken)::text AS taken`;

/** Those of a process that died, too, some time after others could take them. What somebody takes at the moment is his. */
const GIVE_BACK = `DELETE FROM work_claims WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM work_claims
    WHERE kind = $1 AND (holder = $2 OR claimed_until < clock_timestamp() - interval '1 hour')
    FOR UPDATE SKIP LOCKED))`;

/** How often it is looked again where others were faster with all that was found. */
const RACES = 5;

export class WorkClaims {
  readonly #pool: Pick<Pool, "use">;
  readonly #claimMs: number;
  /** This process. */
  readonly #holder = randomUUID();
  /** Kinds of which it may hold something. */
  readonly #held = new Set<string>();

  /** @param claimMs for how long what was taken is left to this process, milliseconds */
  constructor(pool: Pick<Pool, "use">, claimMs: number) {
    this.#pool = pool;
    this.#claimMs = claimMs;
  }

  /**
   * In the order of `place`; what this process took of the kind before counts as done, or is taken again. One caller per
   * kind at a time: two of one process get the same.
   * @throws StorageError; whatever it took then is free again after its time, and for this process at once
   */
  async take(work: Work): Promise<readonly string[]> {
    return this.#pool.use(async (connection) => {
      await this.#giveBack(connection, work.kind);
      for (let races = 0; ; races += 1) {
        this.#held.add(work.kind);
        const { found, taken } = await this.#ask(connection, work);
        if (taken.size === 0 && found.length > 0 && races < RACES) continue;
        if (taken.size === 0) this.#held.delete(work.kind);
        return found.filter((id) => taken.has(id));
      }
    });
  }

  async #giveBack(connection: Connection, kind: string): Promise<void> {
    if (!this.#held.has(kind)) return;
    await connection.run(GIVE_BACK, kind, this.#holder);
    this.#held.delete(kind);
  }

  async #ask(
    connection: Connection,
    { kind, candidates, parameters, limit }: Work,
  ): Promise<{ found: readonly string[]; taken: ReadonlySet<string> }> {
    const given = [kind, this.#holder, this.#claimMs, limit, ...parameters];
    const answer = await connection.get<{ found: string | null; taken: string | null }>(take(candidates), ...given);
    const listOf = (text: string | null | undefined): string[] => (text ? JSON.parse(text) : []);
    return { found: listOf(answer?.found), taken: new Set(listOf(answer?.taken)) };
  }
}
