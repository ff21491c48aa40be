/**
 * One commit for the calls of many callers. Each call is all or nothing and cannot undo another.
 *
 * Locks are taken in one order: leases by name, payments by id, products by id, what else has a key by its key, the counter
 * of the log last. What no row stands for (no other open payment on an address, no other pending order) is looked at again
 * when the counter is held and others have committed meanwhile: nobody can from then on.
 */
import { arrayOf } from "../arrays.ts";
import type { Connection } from "../connection.ts";
import { ConnectionLost, Raced, StorageError } from "../errors.ts";
import { type Signature, sign } from "../signature.ts";
import { decideCall, noteUndone, type StoredCall } from "./calls.ts";
import type { Draft } from "./draft.ts";
import { load, type OpenRow, openKey, type PendingRow, pendingKey } from "./load.ts";
import type { PreparedCall } from "./prepare.ts";
import { ENTER, ENTER_ALONE, FIND_OPEN, FIND_PENDING } from "./statements.ts";
import { store } from "./store.ts";

/** What one caller wants in the next commit: calls that may rest on each other. */
export type Job = readonly PreparedCall[];

/**
 * `shared`: beside other processes; the cheapest, and what nearly always succeeds. `alone`: no other commit is under way,
 * so that nobody can be faster. `each`: alone, and each call in a savepoint of its own, where one of them fails in the
 * database itself; to keep what undoes a step costs too much to do it always.
 */
export type Manner = "shared" | "alone" | "each";

export interface Committed {
  /** Of each job, of each of its calls. */
  outcomes: readonly (readonly StoredCall[])[];
  /** False where nothing was to be written: then it was not signed either. */
  isSigned: boolean;
}

/** The connection ended behind the word COMMIT: whether it was stored must be asked for. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly committed: Committed;

  constructor(committed: Committed, cause: ConnectionLost) {
    super(cause.message, { cause });
    this.committed = committed;
  }
}

/** @throws Interrupted; else nothing was stored: Raced, StorageError, or what the database says of a call */
export async function commit(
  connection: Connection,
  jobs: readonly Job[],
  manner: Manner,
  signature: Signature,
): Promise<Committed> {
  let committed: Committed;
  try {
    committed =
      manner === "each"
        ? await stageEach(connection, jobs, signature)
        : await stageAll(connection, jobs, manner, signature);
  } catch (error) {
    if (!connection.lost) await connection.exec("ROLLBACK");
    throw error;
  }
  try {
    await connection.exec("COMMIT");
    return committed;
  } catch (error) {
    if (error instanceof ConnectionLost && committed.isSigned) throw new Interrupted(committed, error);
    throw error;
  }
}

/** Sends the beginning with what follows it, not before. */
async function begin(connection: Connection, enter: string): Promise<number> {
  const [, entered] = await Promise.all([connection.exec("BEGIN"), connection.get<{ head: number }>(enter)]);
  if (!entered) throw new StorageError("The row of meta is missing.");
  return entered.head;
}

async function stageAll(
  connection: Connection,
  jobs: readonly Job[],
  manner: Manner,
  signature: Signature,
): Promise<Committed> {
  const [headBefore, draft] = await Promise.all([
    begin(connection, manner === "shared" ? ENTER : ENTER_ALONE),
    load(connection, jobs.flat()),
  ]);
  const decided = jobs.map((job) => {
    const undone = new Set<string>();
    return job.map((call) => decideCall(draft, call, undone));
  });
  if (!draft.isChanged) return { outcomes: decided, isSigned: false };
  const [, base] = await Promise.all([sign(connection, signature), store(connection, draft)]);
  if (base !== headBefore && draft.records.length > 0) await requireStillFree(connection, draft);
  return { outcomes: decided.map((calls) => calls.map((call) => placed(call, base))), isSigned: true };
}

async function stageEach(connection: Connection, jobs: readonly Job[], signature: Signature): Promise<Committed> {
  await begin(connection, ENTER_ALONE);
  const outcomes: StoredCall[][] = [];
  let isSigned = false;
  for (const job of jobs) {
    const undone = new Set<string>();
    const calls: StoredCall[] = [];
    for (const call of job) {
      await connection.exec("SAVEPOINT step");
      try {
        const draft = await load(connection, [call]);
        const decided = decideCall(draft, call, undone);
        calls.push(draft.isChanged ? placed(decided, await store(connection, draft)) : decided);
        isSigned ||= draft.isChanged;
      } catch (error) {
        if (error instanceof StorageError) throw error;
        await connection.exec("ROLLBACK TO step");
        noteUndone(call, undone);
        calls.push({ status: "rejected", reason: error });
      }
      await connection.exec("RELEASE step");
    }
    outcomes.push(calls);
  }
  if (isSigned) await sign(connection, signature);
  return { outcomes, isSigned };
}

/** Where its records are, counted from the beginning of the log. */
function placed(call: StoredCall, base: number): StoredCall {
  if (call.status === "rejected") return call;
  const value = call.value.map((result) =>
    result.ok ? { ...result, firstOffset: base + result.firstOffset } : result,
  );
  return { status: "fulfilled", value };
}

/**
 * Others have committed between the reading and the counter. Where one of them has taken an address, or ordered for a
 * customer, that was free, what rests on it is not stored.
 * @throws Raced
 */
async function requireStillFree(connection: Connection, draft: Draft): Promise<void> {
  await Promise.all([
    requireSame<OpenRow>(connection, FIND_OPEN, draft, draft.openOn, openKey),
    requireSame<PendingRow>(connection, FIND_PENDING, draft, draft.pendingOf, pendingKey),
  ]);
}

async function requireSame<R extends { id: string }>(
  connection: Connection,
  find: string,
  draft: Draft,
  sets: ReadonlyMap<string, ReadonlySet<string>>,
  keyOfRow: (row: R) => string,
): Promise<void> {
  // Only where this commit creates one: a refusal that has become needless meanwhile is as good as one made before.
  const isNew = (id: string) => draft.payments.get(id)?.write?.kind === "insert";
  const keys = [...sets].filter(([, ids]) => [...ids].some(isNew)).map(([key]) => JSON.parse(key) as string[]);
  if (keys.length === 0) return;
  const columns = (keys[0] as string[]).map((_, part) => arrayOf(keys.map((key) => key[part] as string)));
  const rows = await connection.all<R>(find, ...columns);
  if (rows.every((row) => sets.get(keyOfRow(row))?.has(row.id))) return;
  throw new Raced("An address or a customer that was free is not so any more.");
}
