/** What changes the whole database needs it alone. */
import { MovingError } from "../../moving/moving.ts";
import type { Connection } from "../connection.ts";
import { haveAlone } from "../serving.ts";

/** From now on nobody else can use the database, until the connection ends.
 * @param what wants it, for people
 * @throws MovingError: a server runs on it */
export async function requireNobody(connection: Connection, what: string): Promise<void> {
  if (await haveAlone(connection)) return;
  throw new MovingError(
    `${what} needs the database alone, and a server or another command uses it.`,
    "Stop all servers first.",
  );
}
