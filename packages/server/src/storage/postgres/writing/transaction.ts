/** A write beside the log: a transaction of its own, on a connection of the pool. */
import type { Connection } from "../connection.ts";
import { ConnectionLost } from "../errors.ts";
import { type Inquiry, type Signature, sign, wasStored } from "../signature.ts";

/**
 * All or nothing. A commit whose answer was lost is asked after.
 * @throws ConnectionLost: nothing was stored; OutcomeUnknown: nobody knows
 */
export async function transaction<T>(
  connection: Connection,
  inquiry: Inquiry,
  signature: Signature,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  let result: T;
  try {
    [, result] = await Promise.all([connection.exec("BEGIN"), work(connection)]);
    await sign(connection, signature);
  } catch (error) {
    if (!connection.lost) await connection.exec("ROLLBACK");
    throw error;
  }
  try {
    await connection.exec("COMMIT");
  } catch (error) {
    if (!(error instanceof ConnectionLost) || !(await wasStored(inquiry, signature, connection))) throw error;
  }
  return result;
}
