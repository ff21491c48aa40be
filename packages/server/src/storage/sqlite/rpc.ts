/** Requests to a worker thread and their answers. Errors cross the border by name, since cloning would lose the class. */
import { parentPort } from "node:worker_threads";
import { StartupError } from "../../kit/startup-error.ts";
import { CursorExpired, StoreUnavailable } from "../../log/event-log.ts";

export interface Request {
  id: number;
  name: string;
  args: readonly unknown[];
}

export interface WireError {
  name: string;
  message: string;
  /** SQLite's error code, `hint` of a StartupError. */
  code?: number;
  hint?: string;
}

export type Outcome<T> = { ok: true; value: T } | { ok: false; error: WireError };
export type Reply = { id: number } & Outcome<unknown>;

/** What a worker can be asked, by name. */
// biome-ignore lint/suspicious/noExplicitAny: the signatures are checked where an operation is called.
export type Operations = Record<string, (...args: any[]) => unknown>;

/** The database refused: disk full, damaged, locked for too long. */
export class StorageError extends StoreUnavailable {
  override readonly name = "StorageError";
  /** SQLite's extended result code; `null` when the error is not SQLite's. */
  readonly sqliteCode: number | null;

  constructor(message: string, sqliteCode: number | null = null) {
    super(message);
    this.sqliteCode = sqliteCode;
  }
}

export function toWire(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const wire: WireError = { name: error.name, message: error.message };
  if ("errcode" in error && typeof error.errcode === "number") wire.code = error.errcode;
  if (error instanceof StorageError && error.sqliteCode !== null) wire.code = error.sqliteCode;
  if (error instanceof StartupError) wire.hint = error.hint;
  return wire;
}

export function fromWire(wire: WireError): Error {
  if (wire.name === "StartupError") return new StartupError(wire.message, wire.hint ?? "");
  if (wire.name === "CursorExpired") return new CursorExpired(wire.message);
  // Neither SQLite's nor ours: a mistake in the program, which does not pass by waiting.
  if (wire.code === undefined && wire.name !== "StorageError") return new Error(`${wire.name}: ${wire.message}`);
  return new StorageError(wire.message, wire.code ?? null);
}

/** In the worker: answers requests one after the other. */
export function serve(operations: Operations): void {
  const port = parentPort;
  if (!port) throw new Error("This file is the entry of a worker thread.");
  port.on("message", (request: Request) => {
    port.postMessage({ id: request.id, ...attempt(() => perform(operations, request)) } satisfies Reply);
  });
}

/** The result, or the error in a form that can be sent. */
export function attempt<T>(work: () => T): Outcome<T> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error: toWire(error) };
  }
}

function perform(operations: Operations, request: Request): unknown {
  const operation = operations[request.name];
  if (!operation) throw new Error(`The worker knows no operation "${request.name}".`);
  return operation(...request.args);
}
