/** A new epoch for a PostgreSQL database, while nobody else uses it. */
import { type Mode, newEpoch } from "../../meta.ts";
import { type NewEpoch, skipAddresses } from "../../moving/epochs.ts";
import { start } from "../start.ts";
import { requireNobody } from "./nobody.ts";
import { openSession } from "./session.ts";

/** @param skipped addresses of each key that may have been given and lost
 * @throws StartupError: nobody answers, another mode; MovingError: a server runs on it */
export async function beginPostgresEpoch(url: string, mode: Mode, skipped: number): Promise<NewEpoch> {
  const connection = await openSession(url);
  try {
    await start(connection, mode);
    await requireNobody(connection, "A new epoch");
    await connection.exec("BEGIN");
    const meta = await connection.get<{ epoch: string; head: number }>("SELECT epoch, head FROM meta FOR UPDATE");
    if (!meta) throw new Error("The row of meta is missing.");
    const now = newEpoch();
    await connection.run("UPDATE meta SET epoch = $1", now);
    const skippedOn = skipped === 0 ? 0 : await connection.run(skipAddresses("$1::bigint"), skipped);
    await connection.exec("COMMIT");
    return { before: meta.epoch, now, head: meta.head, skippedOn };
  } finally {
    await connection.close();
  }
}
