import { randomBytes, randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode, isSentBy, MESSAGE_BYTES, RECORD_BYTES, senderOf } from "../../src/bus/redis/message.ts";
import { SEAL_CHARS, seal, sealKey } from "../../src/bus/redis/seal.ts";
import type { LogRecord } from "../../src/log/event-log.ts";
import { record } from "../../testkit/bus.ts";

const NODE = randomUUID();
const sender = senderOf(NODE);
const secret = randomBytes(32);
const key = sealKey(secret, "paybell:0:epoch");
const encoded = (...records: LogRecord[]) => [...encode(sender, key, records)];
const never = () => {
  throw new Error("it can be read");
};

/** What is in them, opened. */
function opened(messages: readonly Buffer[]): (LogRecord | null)[] {
  return messages.flatMap((bytes) => {
    const message = decode(bytes, key, never);
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

/** As one that has the key would have made it. */
function resealed(...change: Parameters<typeof changed>): Buffer {
  const bytes = changed(...change);
  const [first, rest] = [bytes.subarray(0, sender.length), bytes.subarray(sender.length + SEAL_CHARS)];
  return Buffer.concat([first, Buffer.from(seal(key, first, rest)), rest]);
}

describe("a message on Redis", () => {
  it("names its node in its first bytes", () => {
    const [bytes = Buffer.alloc(0)] = encoded(record(1));
    expect(isSentBy(sender, bytes)).toBe(true);
    expect(isSentBy(senderOf(randomUUID()), bytes)).toBe(false);
    expect(isSentBy(sender, bytes.subarray(0, 20))).toBe(false);
  });

  it("says whom it concerns without the records being read", () => {
    const bytes = resealed(/\{"id":"evt_1".*\}\}/s, (match: string) => "?".repeat(match.length));
    let unreadable = 0;
    const message = decode(bytes, key, () => (unreadable += 1));
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
      const heads = messages.flatMap((bytes) => decode(bytes, key, never)?.records ?? []);
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
    expect(decode(resealed(from, to), key, never)).toBeNull();
  });

  it.each([
    ["no object", /\{"id":"evt_1".*?\}(?=\{"id")/s, (match: string) => `1${" ".repeat(match.length - 1)}`],
    ["a record without data", /"data":\{.*?\}/, (match: string) => '"data":null'.padEnd(match.length)],
    ["a record without an id", '"id":"evt_1"', '"ix":"evt_1"'],
  ])("leaves to the log what is %s", (_, from, to) => {
    let unreadable = 0;
    const message = decode(resealed(from, to), key, () => (unreadable += 1));
    expect(message?.read(0)).toBeNull();
    expect(message?.read(1)).toEqual(record(2));
    expect(unreadable).toBe(1);
  });

  it.each([
    ["its node", NODE, randomUUID()],
    ["its seal", / [\w-]{43} /, ` ${"A".repeat(SEAL_CHARS)} `],
    ["whom it concerns", '"merchant:shop"', '"merchant:s0op"'],
    ["an offset", "[[1,", "[[0,"],
    ["what it says of a record", '"type":"payment.paid"', '"type":"payment.dead"'],
  ])("is refused when %s was changed by somebody without the key", (_, from, to) => {
    expect(decode(changed(from, to), key, never)).toBeNull();
  });

  it("is refused when one of its bits is not as it was", () => {
    const [good = Buffer.alloc(0)] = encoded(record(1));
    expect(decode(good, key, never)).not.toBeNull();
    for (let bit = 0; bit < good.length * 8; bit += 1) {
      const bytes = Buffer.from(good);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decode(bytes, key, never)).toBeNull();
    }
  });

  it("is refused under another secret, and on another channel", () => {
    const [bytes = Buffer.alloc(0)] = encoded(record(1));
    expect(decode(bytes, sealKey(secret, "paybell:0:epoch"), never)).not.toBeNull();
    expect(decode(bytes, sealKey(randomBytes(32), "paybell:0:epoch"), never)).toBeNull();
    expect(decode(bytes, sealKey(secret, "paybell:0:later"), never)).toBeNull();
  });

  it("does no harm, whatever it is", () => {
    const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const [good = Buffer.alloc(0)] = encoded(record(1), record(2));
    const sealedBytes = anyBytes.map((rest) => {
      return Buffer.concat([sender, Buffer.from(seal(key, sender, rest)), rest]);
    });
    const cutOrTwisted = fc.tuple(fc.nat(good.length), fc.nat(good.length - 1), fc.nat(255)).map(([end, at, byte]) => {
      const bytes = Buffer.from(good.subarray(0, end));
      if (at < end) bytes[at] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(anyBytes, sealedBytes, cutOrTwisted), (bytes) => {
        isSentBy(sender, bytes);
        const message = decode(bytes, key, () => undefined);
        for (const [at] of message?.records.entries() ?? []) message?.read(at);
      }),
      { numRuns: 2_000 },
    );
  });
});
