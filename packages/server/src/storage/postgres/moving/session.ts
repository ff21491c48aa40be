/** A connection on which a whole database is read or filled: no statement is too long, no transaction too idle, and what is
 * asked of whole tables is planned as such. */
import { StartupError } from "../../../kit/startup-error.ts";
import { Connection } from "../connection.ts";
import { StorageError } from "../errors.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const LONG_WORK = `SET idle_in_transaction_session_timeout = 0; RESET enable_seqscan; RESET enable_hashjoin;
  RESET enable_mergejoin`;

/** @throws StartupError: nobody answers, or refuses */
export async function openSession(url: string): Promise<Connection> {
  try {
    const connection = await Connection.open({ url, statementTimeoutMs: 0, connectTimeoutMs: CONNECT_TIMEOUT_MS });
    await connection.exec(LONG_WORK);
    return connection;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw new StartupError(
      `The database cannot be used: ${error.message}`,
      "Start PostgreSQL, or correct PAYBELL_DATABASE_URL (postgres://user:password@host:port/database).",
    );
  }
}
