import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode, isSignedBy, MESSAGE_BYTES, RECORD_BYTES, signatureOf } from "../../src/bus/redis/message.ts";
import type { LogRecord } from "../../src/log/event-log.ts";
import { record } from "../../testkit/bus.ts";

const NODE = randomUUID();
const signature = signatureOf(NODE);
const encoded = (...records: LogRecord[]) => [...encode(signature, records)];
const never = () => {
  throw new Error("it can be read");
};

/** What is in them, opened. */
function opened(messages: readonly Buffer[]): (LogRecord | null)[] {
  return messages.flatMap((bytes) => {
    const message = decode(bytes, never);
    return message?.records.map((_, at) => message.read(at)) ?? [];
  });
}

/** One message, in which something was changed. */
function changed(from: string | RegExp, to: string | ((match: string) => string)): Buffer {
  const [bytes] = encoded(record(1), record(2));
  const text = bytes?.toString() ?? "";
  const other = text.replace(from, to as string);
  expect(other).not.toBe(text);
  return Buffer.from(other);
}

describe("a message on Redis", () => {
  it("names its node in its first bytes", () => {
    const [bytes = Buffer.alloc(0)] = encoded(record(1));
    expect(isSignedBy(signature, bytes)).toBe(true);
    expect(isSignedBy(signatureOf(randomUUID()), bytes)).toBe(false);
    expect(isSignedBy(signature, bytes.subarray(0, 20))).toBe(false);
  });

  it("says whom it concerns without the records being read", () => {
    const bytes = changed(/\{"id":"evt_1".*\}\}/s, (match: string) => "?".repeat(match.length));
    let unreadable = 0;
    const message = decode(bytes, () => (unreadable += 1));
    expect(message?.records).toEqual([record(1), record(2)].map(({ offset, topics }) => ({ offset, topics })));
    expect(unreadable).toBe(0);
    expect(message?.read(0)).toBeNull();
    expect(unreadable).toBe(1);
  });

  it("is made of several where it would be large", () => {
    const records = Array.from({ length: 500 }, (_, nth) => record(nth + 1, { merchantId: "m".repeat(900) }));
    const messages = encoded(...records);
    expect(messages.length).toBeGreaterThan(10);
    for (const { length } of messages) expect(length).toBeLessThan(MESSAGE_BYTES + RECORD_BYTES);
    expect(opened(messages)).toEqual(records);
  });

  it("has only the place of a record that is too large for it", () => {
    const { offset, topics, ...rest } = record(2, { merchantId: "" });
    const room = RECORD_BYTES - Buffer.byteLength(JSON.stringify(rest));
    const sized = (bytes: number) => ({
      offset,
      topics,
      ...rest,
      merchantId: "ü".repeat(bytes / 2) + "m".repeat(bytes % 2),
    });
    for (const [large, isSent] of [
      [sized(room), true],
      [sized(room + 1), false],
    ] as const) {
      const messages = encoded(record(1), large, record(3));
      for (const { length } of messages) expect(length).toBeLessThan(MESSAGE_BYTES + RECORD_BYTES);
      const heads = messages.flatMap((bytes) => decode(bytes, never)?.records ?? []);
      expect(heads.map(({ topics }) => topics)).toEqual([record(1), large, record(3)].map(({ topics }) => topics));
      expect(opened(messages)).toEqual([record(1), isSent ? large : null, record(3)]);
    }
  });

  it.each([
    ["another format", /^paybell 1/, "paybell 2"],
    ["no number where its length should be", / \d+\n/, " x\n"],
    ["a negative length", / \d+\n/, " -1\n"],
    ["a length beyond its end", / \d+\n/, " 999999\n"],
    ["a head that is no JSON", "[[1,", "[(1,"],
    ["a head that is no list", /\[\[.*\]\]/, '"x"'],
    ["an offset that is none", "[[1,", '[["1",'],
    ["offsets that go back", ",[2,", ",[1,"],
    ["a topic that is none", '"merchant:shop"]]', "1]]"],
    ["an end that is missing", /.{5}$/, ""],
    ["an end that is too long", /$/, "x"],
  ])("is refused with %s", (_, from, to) => {
    expect(decode(changed(from, to), never)).toBeNull();
  });

  it.each([
    ["no object", /\{"id":"evt_1".*?\}(?=\{"id")/s, (match: string) => `1${" ".repeat(match.length - 1)}`],
    ["a record without data", /"data":\{.*?\}/, (match: string) => '"data":null'.padEnd(match.length)],
    ["a record without an id", '"id":"evt_1"', '"ix":"evt_1"'],
  ])("leaves to the log what is %s", (_, from, to) => {
    let unreadable = 0;
    const message = decode(changed(from, to), () => (unreadable += 1));
    expect(message?.read(0)).toBeNull();
    expect(message?.read(1)).toEqual(record(2));
    expect(unreadable).toBe(1);
  });

  it("does no harm, whatever it is", () => {
    const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const [good = Buffer.alloc(0)] = encoded(record(1), record(2));
    const cutOrTwisted = fc.tuple(fc.nat(good.length), fc.nat(good.length - 1), fc.nat(255)).map(([end, at, byte]) => {
      const bytes = Buffer.from(good.subarray(0, end));
      if (at < end) bytes[at] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(anyBytes, cutOrTwisted), (bytes) => {
        isSignedBy(signature, bytes);
        const message = decode(bytes, () => undefined);
        for (const [at] of message?.records.entries() ?? []) message?.read(at);
      }),
      { numRuns: 2_000 },
    );
  });
});
