/**
 * A message on Redis: a head that tells who sent it and whom each record concerns, then the records themselves, which
 * only those read who want them.
 *
 *     paybell 1 <node, 36 characters> <seal, 43 characters> <bytes of the next line>
 *     [[offset, bytes, topic, …], …]
 *     {"id":…}{"id":…}
 *
 * The seal is of all that is not the seal; see `seal.ts`. All text is UTF-8. `bytes` is the length of the record's own part; 0 where it would be too large to send: the log has it.
 */
import type { KeyObject } from "node:crypto";
import type { LogRecord } from "../../log/event-log.ts";
import type { Topic } from "../../log/topic.ts";
import type { BusMessage, RecordHead } from "../bus.ts";
import { isSealed, SEAL_CHARS, seal } from "./seal.ts";

/** A message ends behind the record with which it gets larger than this, so it is at most twice as large and a head more. */
export const MESSAGE_BYTES = 32_768;
/** A larger record is left to the log. */
export const RECORD_BYTES = 32_768;

const FORMAT = "paybell 1 ";
const NODE_CHARS = 36;
/** With the space behind it. */
const SENDER_BYTES = FORMAT.length + NODE_CHARS + 1;
const SEAL_ENDS = SENDER_BYTES + SEAL_CHARS;
const LINE_ENDS = 0x0a;

/** The first bytes of every message of this node. @param node a UUID */
export function senderOf(node: string): Buffer {
  return Buffer.from(`${FORMAT}${node} `, "latin1");
}

export function isSentBy(sender: Buffer, bytes: Buffer): boolean {
  return bytes.length >= sender.length && sender.compare(bytes, 0, sender.length) === 0;
}

/** Several messages where one would be too large. @param key see `sealKey` */
export function* encode(sender: Buffer, key: KeyObject, records: readonly LogRecord[]): Generator<Buffer> {
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
    yield assemble(sender, key, heads, bodies);
    heads = [];
    bodies = [];
    size = 0;
  }
  if (heads.length > 0) yield assemble(sender, key, heads, bodies);
}

function assemble(sender: Buffer, key: KeyObject, heads: readonly string[], bodies: readonly string[]): Buffer {
  const head = `[${heads.join(",")}]\n`;
  const rest = Buffer.from(` ${Buffer.byteLength(head)}\n${head}${bodies.join("")}`);
  return Buffer.concat([sender, Buffer.from(seal(key, sender, rest), "latin1"), rest]);
}

/** @param key see `sealKey`
 * @param onUnreadable a record turned out to be garbage when it was wanted
 * @returns null for what is no such message, or has a wrong seal, whoever sent it */
export function decode(bytes: Buffer, key: KeyObject, onUnreadable: () => void): BusMessage | null {
  if (!bytes.subarray(0, FORMAT.length).equals(FORMAT_BYTES)) return null;
  const [sender, rest] = [bytes.subarray(0, SENDER_BYTES), bytes.subarray(SEAL_ENDS)];
  if (!isSealed(key, bytes.subarray(SENDER_BYTES, SEAL_ENDS), sender, rest)) return null;
  const lineEnd = bytes.indexOf(LINE_ENDS, SEAL_ENDS);
  const headBytes = Number(bytes.toString("latin1", SEAL_ENDS + 1, lineEnd));
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

/** Not every word of it: who has sealed it may write to the database, too. */
function isRecord(value: unknown): value is Omit<LogRecord, "offset" | "topics"> {
  if (typeof value !== "object" || value === null) return false;
  const { id, type, merchantId, atMs, data } = value as Partial<LogRecord>;
  const isNamed = typeof id === "string" && typeof type === "string" && typeof merchantId === "string";
  return isNamed && typeof atMs === "number" && typeof data === "object" && data !== null;
}
