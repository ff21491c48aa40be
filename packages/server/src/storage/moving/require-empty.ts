/** An import is no merge: two logs cannot become one. */
import { type ImportTarget, MovingError } from "./moving.ts";
import { MOVED } from "./tables.ts";

/** @param place for people
 * @throws MovingError naming what is there */
export async function requireEmpty(target: Pick<ImportTarget, "ask">, place: string): Promise<void> {
  const filled: string[] = [];
  for (const { name } of MOVED) {
    const [found] = await target.ask(`SELECT count(*) AS rows FROM (SELECT 1 AS one FROM ${name} LIMIT 1) AS found`);
    if (found?.rows !== 0) filled.push(name);
  }
  const [meta] = await target.ask("SELECT head FROM meta");
  if (filled.length === 0 && meta?.head === 0) return;
  const found = filled.length === 0 ? `a log that has reached ${meta?.head}` : `rows in ${filled.join(", ")}`;
  throw new MovingError(
    `An import needs an empty database, and ${place} holds ${found}.`,
    "Name another PAYBELL_DATA_DIR or PAYBELL_DATABASE_URL. A sandbox that was started once is not empty.",
  );
}
