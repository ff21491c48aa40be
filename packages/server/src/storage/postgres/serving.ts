/**
 * Which programs may use the schema. A migration only adds what older programs do not mind, unless its name ends in
 * `.breaking`: so servers are upgraded one after the other, and an old one may even start again meanwhile.
 *
 * Every connection of a server shares a lock of the whole database as long as it is open; a breaking migration is applied by
 * whoever has that lock alone. What an older program opens behind it is refused.
 */
import { StartupError } from "../../kit/startup-error.ts";
import { isBreaking } from "../migrations.ts";
import type { Connection } from "./connection.ts";
import { StorageError } from "./errors.ts";

/** Shared by all who use the schema. */
export const SERVING = 0x70_61_79_62_65_03;
/** Connections of a process that was killed end a moment after it, and commands are short. */
const PATIENCE_MS = 3_000;

const NEWER = "SELECT name FROM paybell_schema WHERE version > $1 ORDER BY version";

/** From now on the schema stays such that this program may use it, until the connection ends.
 * @param known the newest version that this program knows
 * @throws StorageError: it is not any more */
export async function serve(connection: Connection, known: number): Promise<void> {
  const shared = connection.get(`SELECT pg_advisory_lock_shared(${SERVING})::text AS shared`);
  const [, newer] = await Promise.all([shared, newerThan(connection, known)]);
  if (newer) throw new StorageError(`${newer.message} ${newer.hint}`);
}

/** Why a program that knows versions up to `known` may not use the database; `null`: it may. */
export async function newerThan(connection: Connection, known: number): Promise<StartupError | null> {
  const names = (await connection.all<{ name: string }>(NEWER, known)).map(({ name }) => name);
  const breaking = names.find(isBreaking);
  if (breaking === undefined) return null;
  return new StartupError(
    `A newer Paybell has changed the database (${breaking}); this program knows its schema up to version ${known}.`,
    "Start the newer one, or restore the backup that was made before the upgrade.",
  );
}

/** Is nobody else there, or soon? Kept until the connection ends, or `letIn`. */
export async function haveAlone(connection: Connection): Promise<boolean> {
  const giveUpAtMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const row = await connection.get<{ got: boolean }>(`SELECT pg_try_advisory_lock(${SERVING}) AS got`);
    if (row?.got) return true;
    if (performance.now() > giveUpAtMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function letIn(connection: Connection): Promise<void> {
  await connection.get(`SELECT pg_advisory_unlock(${SERVING})::text AS unlocked`);
}
