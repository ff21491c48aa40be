/** What only the processes on this database know: they seal with it what they tell each other elsewhere. */
import { randomBytes } from "node:crypto";
import type { PostgresDatabase } from "./database.ts";

const SECRET_BYTES = 32;

/** Made by whoever asks first. It is no secret of merchants or payments: who can read it here can read all of those.
 * @throws StorageError */
export function busSecret(database: Pick<PostgresDatabase, "lease">): Promise<Buffer> {
  return database.lease(async (connection) => {
    const made = randomBytes(SECRET_BYTES).toString("hex");
    await connection.run("INSERT INTO bus_secret (one, secret) VALUES (1, $1) ON CONFLICT DO NOTHING", made);
    const row = await connection.get<{ secret: string }>("SELECT secret FROM bus_secret");
    if (!row) throw new Error("The row of bus_secret is missing.");
    return Buffer.from(row.secret, "hex");
  });
}
