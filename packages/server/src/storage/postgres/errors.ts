/** What PostgreSQL and the way to it say, sorted by what it means for what was asked. */
import { messageOf } from "../../kit/errors.ts";
import { StoreUnavailable } from "../../log/event-log.ts";

/** The database refused, or cannot be reached. */
export class StorageError extends StoreUnavailable {
  override readonly name: string = "StorageError";
  /** PostgreSQL's five characters; `null` when the error is not PostgreSQL's. */
  readonly sqlState: string | null;

  constructor(message: string, sqlState: string | null = null, options?: ErrorOptions) {
    super(message);
    this.sqlState = sqlState;
    if (options?.cause !== undefined) this.cause = options.cause;
  }
}

/** There is no connection, or it ended while something was asked. What was asked outside of a commit had no effect. */
export class ConnectionLost extends StorageError {
  override readonly name = "ConnectionLost";
}

/** A newer server has changed a table since the connection was opened, and what was prepared on it is worth nothing. Nothing
 * is wrong with the next one. */
export class Outdated extends ConnectionLost {}

/** The connection ended while a commit was under way, and nobody could yet tell whether it was stored. */
export class OutcomeUnknown extends StorageError {
  override readonly name = "OutcomeUnknown";
}

/** Others changed at the same moment what this transaction was decided on; nothing of it was stored. It can be tried again. */
export class Raced extends StorageError {
  override readonly name = "Raced";
}

/** Classes of SQLSTATE after which the session is worth nothing: connection exceptions, the server shuts down or starts,
 * too many connections, another server that only reads (it was the first one before a fail-over). */
const LOST = /^(08...|57P0[123]|53300|25006)$/;
/** "cached plan must not change result type": its code is that of all that PostgreSQL does not support. */
const OUTDATED = { code: "0A000", routine: "RevalidateCachedQuery" };
/** Serialization failure, deadlock, a lock that was not had in time. */
const RACE = new Set(["40001", "40P01", "55P03"]);
/** Disk full, out of memory, cancelled (a statement's time is over), damaged or unreadable: not the fault of what was asked. */
const UNFIT = /^(53...|54000|57...|58...|XX...)$/;

/** `pg`'s errors of the server; others are of the socket, or of `pg` itself. */
interface ServerError extends Error {
  severity: string;
  code: string;
  /** Where in the server. */
  routine?: string;
}

function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && "severity" in error && "code" in error && typeof error.code === "string";
}

/** What was thrown while a connection was asked, as one of the classes above or, where what was asked is the reason, as it is. */
export function toStoreError(error: unknown): Error {
  if (error instanceof StoreUnavailable) return error;
  if (!isServerError(error)) return new ConnectionLost(`PostgreSQL: ${reasonOf(error)}`, null, { cause: error });
  const said = `PostgreSQL: ${error.message} (${error.code})`;
  if (LOST.test(error.code) || error.severity === "FATAL" || error.severity === "PANIC") {
    return new ConnectionLost(said, error.code, { cause: error });
  }
  if (error.code === OUTDATED.code && error.routine === OUTDATED.routine) {
    return new Outdated(said, error.code, { cause: error });
  }
  if (RACE.has(error.code)) return new Raced(said, error.code, { cause: error });
  if (UNFIT.test(error.code)) return new StorageError(said, error.code, { cause: error });
  return error;
}

/** Of several addresses that were tried, all reasons: such an error has no message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return messageOf(error);
}
