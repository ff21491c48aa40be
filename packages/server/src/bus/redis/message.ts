/**
 * A message on Redis: a head that tells who sent it and whom each record concerns, then the records themselves, which
 * only those read who want them.
 *
 *     paybell 1 <node, 36 characters> <bytes of the next line>
 *     [[offset, bytes, topic, …], …]
 *     {"id":…}{"id":…}
 *
 * All text is UTF-8. `bytes` is the length of the record's own part; 0 where it would be too large to send: the log has it.
 */
import type { LogRecord } from "../../log/event-log.ts";
import type { Topic } from "../../log/topic.ts";
import type { BusMessage, RecordHead } from "../bus.ts";

/** A message ends behind the record with which it gets larger than this, so it is at most twice as large and a head more. */
export const MESSAGE_BYTES = 32_768;
/** A larger record is left to the log. */
export const RECORD_BYTES = 32_768;

const FORMAT = "paybell 1 ";
const NODE_CHARS = 36;
const NODE_ENDS = FORMAT.length + NODE_CHARS;
const LINE_ENDS = 0x0a;

/** The first bytes of every message of this node. @param node a UUID */
export function signatureOf(node: string): Buffer {
  return Buffer.from(`${FORMAT}${node} `, "latin1");
}

export function isSignedBy(signature: Buffer, bytes: Buffer): boolean {
  return bytes.length >= signature.length && signature.compare(bytes, 0, signature.length) === 0;
}

/** Several messages where one would be too large. */
export function* encode(signature: Buffer, records: readonly LogRecord[]): Generator<Buffer> {
  let heads: string[] = [];
  let bodies: string[] = [];
  let size = 0;
  for (const { offset, topics, ...rest } of records) {
    const body = JSON.stringify(rest);
    const bytes = Buffer.byteLength(body);
    const isSent = bytes <= RECORD_BYTES;
    heads.push(JSON.stringify([offset, isSent ? bytes : 0, ...topics]));
    if (isSent) bodies.push(body);
    size += isSent ? bytes : 0;
    if (size < MESSAGE_BYTES) continue;
    yield assemble(signature, heads, bodies);
    heads = [];
    bodies = [];
    size = 0;
  }
  if (heads.length > 0) yield assemble(signature, heads, bodies);
}

function assemble(signature: Buffer, heads: readonly string[], bodies: readonly string[]): Buffer {
  const head = `[${heads.join(",")}]\n`;
  const rest = `${Buffer.byteLength(head)}\n${head}${bodies.join("")}`;
  return Buffer.concat([signature, Buffer.from(rest)]);
}

/** @param onUnreadable a record turned out to be garbage when it was wanted
 * @returns null for what is no such message, whoever sent it */
export function decode(bytes: Buffer, onUnreadable: () => void): BusMessage | null {
  if (!bytes.subarray(0, FORMAT.length).equals(FORMAT_BYTES)) return null;
  const lineEnd = bytes.indexOf(LINE_ENDS, NODE_ENDS);
  const headBytes = Number(bytes.toString("latin1", NODE_ENDS + 1, lineEnd));
  const bodiesAt = lineEnd + 1 + headBytes;
  if (lineEnd < 0 || !Number.isSafeInteger(headBytes) || bodiesAt > bytes.length) return null;
  const heads = parsed(bytes, lineEnd + 1, bodiesAt);
  return Array.isArray(heads) ? Carried.of(heads, bytes, bodiesAt, onUnreadable) : null;
}

const FORMAT_BYTES = Buffer.from(FORMAT, "latin1");

function parsed(bytes: Buffer, from: number, to: number): unknown {
  try {
    return JSON.parse(bytes.toString("utf8", from, to));
  } catch {
    // Garbage: the caller counts it.
    return undefined;
  }
}

class Carried implements BusMessage {
  readonly records: readonly RecordHead[];
  readonly #bytes: Buffer;
  /** Where each record begins, and where the last one ends. */
  readonly #starts: readonly number[];
  readonly #onUnreadable: () => void;

  private constructor(records: RecordHead[], bytes: Buffer, starts: number[], onUnreadable: () => void) {
    this.records = records;
    this.#bytes = bytes;
    this.#starts = starts;
    this.#onUnreadable = onUnreadable;
  }

  static of(heads: readonly unknown[], bytes: Buffer, bodiesAt: number, onUnreadable: () => void): Carried | null {
    const records: RecordHead[] = [];
    const starts = [bodiesAt];
    let end = bodiesAt;
    let last = 0;
    for (const head of heads) {
      if (!Array.isArray(head)) return null;
      const [offset, length, ...topics] = head as [number, number, ...Topic[]];
      if (!Number.isSafeInteger(offset) || offset <= last || !Number.isSafeInteger(length) || length < 0) return null;
      if (!topics.every((topic) => typeof topic === "string")) return null;
      records.push({ offset, topics });
      last = offset;
      end += length;
      starts.push(end);
    }
    return end === bytes.length ? new Carried(records, bytes, starts, onUnreadable) : null;
  }

  read(at: number): LogRecord | null {
    const head = this.records[at];
    const [start = 0, end = 0] = this.#starts.slice(at, at + 2);
    if (!head || start === end) return null;
    const rest = parsed(this.#bytes, start, end);
    if (!isRecord(rest)) {
      this.#onUnreadable();
      return null;
    }
    return { ...rest, offset: head.offset, topics: head.topics };
  }
}

/** Not every word of it: whoever may write on the bus is trusted as whoever may write to the database is. */
function isRecord(value: unknown): value is Omit<LogRecord, "offset" | "topics"> {
  if (typeof value !== "object" || value === null) return false;
  const { id, type, merchantId, atMs, data } = value as Partial<LogRecord>;
  const isNamed = typeof id === "string" && typeof type === "string" && typeof merchantId === "string";
  return isNamed && typeof atMs === "number" && typeof data === "object" && data !== null;
}
