/** A new epoch for a SQLite database, while no server runs on it. */
import { type Mode, newEpoch } from "../../meta.ts";
import { type NewEpoch, skipAddresses } from "../../moving/epochs.ts";
import { open } from "../start.ts";

/** @param skipped addresses of each key that may have been given and lost
 * @throws StartupError: a server runs on the directory, another mode */
export function beginSqliteEpoch(dataDir: string, mode: Mode, skipped: number): NewEpoch {
  const { connection, held } = open({ dataDir, mode, exclusive: true });
  try {
    connection.exec("BEGIN IMMEDIATE");
    const meta = connection.get<{ epoch: string; head: number }>("SELECT epoch, head FROM meta");
    if (!meta) throw new Error("The row of meta is missing.");
    const now = newEpoch();
    connection.run("UPDATE meta SET epoch = ?", now);
    const skippedOn = skipped === 0 ? 0 : connection.run(skipAddresses("?1"), skipped);
    connection.exec("COMMIT");
    return { before: meta.epoch, now, head: meta.head, skippedOn };
  } finally {
    connection.close();
    held?.release();
  }
}
