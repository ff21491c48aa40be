/** Waiting for an upgrade to be refused. */
import { Refused } from "./transport-server.ts";

/** What a refused client was answered.
 * @throws Error when it was let in */
export async function refusal(opened: Promise<void>): Promise<Refused> {
  const error = await opened.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Refused) return error;
  throw new Error(`It was not refused: ${error}`);
}
