/** Tributary's parts without a socket: amounts, ids, resume tokens, and which records execute a payment. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogRecord } from "../../src/log/event-log.ts";
import { executionOf, undoneBy } from "../../src/protocols/tributary/execution.ts";
import { paymentData } from "../../src/protocols/tributary/messages.ts";
import { parseResumeToken, resumeToken } from "../../src/protocols/tributary/resume-token.ts";
import { Told } from "../../src/protocols/tributary/told.ts";
import { trackingIdFrom, trackingIdIn } from "../../src/protocols/tributary/tracking-id.ts";
import { wireAmount } from "../../src/protocols/tributary/wire-amount.ts";
import { Story } from "../payments/given.ts";

const LARGEST_EXACT = BigInt(Number.MAX_SAFE_INTEGER);
const amounts = fc.bigInt({ min: 1n, max: 2n ** 256n - 1n });

describe("an amount", () => {
  it("up to 2^53-1 is exact", () => {
    fc.assert(fc.property(fc.bigInt(1n, LARGEST_EXACT), (amount) => BigInt(wireAmount(amount)) === amount));
  });

  it("beyond is never more than what came, and less only by what a double cannot hold", () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        const told = BigInt(wireAmount(amount));
        expect(told <= amount).toBe(true);
        expect((amount - told) * 2n ** 52n <= amount).toBe(true);
      }),
    );
  });

  it.each<[bigint, number]>([
    [LARGEST_EXACT, 9_007_199_254_740_991],
    [LARGEST_EXACT + 1n, 9_007_199_254_740_992],
    [LARGEST_EXACT + 2n, 9_007_199_254_740_992],
    // To the nearest it would be …996: more than came.
    [LARGEST_EXACT + 4n, 9_007_199_254_740_994],
    [LARGEST_EXACT + 5n, 9_007_199_254_740_996],
  ])("%d is told as %d", (amount, told) => {
    expect(wireAmount(amount)).toBe(told);
  });

  it("comes through JSON as it was sent, with all digits beside it", () => {
    fc.assert(
      fc.property(amounts, (amountAtomic) => {
        const data = paymentData({ id: "exe_1", trackingId: "x", amountAtomic, atMs: 0, signature: "tx" });
        const read = JSON.parse(JSON.stringify(data)) as typeof data;
        expect(read).toEqual(data);
        expect(typeof read.amount).toBe("number");
        expect(BigInt(read.amountAtomic)).toBe(amountAtomic);
      }),
    );
  });
});

describe("a tracking id", () => {
  it("is any well-formed text of 1 to 64 bytes, without the zero bytes at its end", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 70 }), fc.nat(3), (text, padding) => {
        const value = text + "\0".repeat(padding);
        const bytes = Buffer.byteLength(value);
        const expected = value.replace(/\0+$/, "");
        const isOne = bytes <= 64 && expected !== "";
        expect(trackingIdFrom(value)).toBe(isOne ? expected : null);
      }),
    );
  });

  it("is nothing else", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        if (typeof value !== "string") expect(trackingIdFrom(value)).toBe(null);
        expect(() => trackingIdIn(value)).not.toThrow();
      }),
    );
    for (const lone of ["\ud800", "a\udfff", "\udfff\ud800"]) expect(trackingIdFrom(lone)).toBe(null);
  });

  it("is an own property of the payload", () => {
    expect(trackingIdIn({ trackingId: "x" })).toEqual({ sent: "x", trackingId: "x" });
    expect(trackingIdIn(Object.create({ trackingId: "x" }))).toBe(null);
    expect(trackingIdIn(JSON.parse('{"__proto__":{"trackingId":"x"}}'))).toBe(null);
  });
});

describe("a resume token", () => {
  const ids = fc.uniqueArray(
    fc.string({ unit: "binary", minLength: 1, maxLength: 64 }).filter((id) => trackingIdFrom(id) === id),
    { maxLength: 20 },
  );

  it("says what it was made of", () => {
    fc.assert(
      fc.property(ids, (trackingIds) => {
        const point = { at: "k3f9x2.0.42", trackingIds };
        expect(parseResumeToken(resumeToken(point))).toEqual(point);
      }),
    );
  });

  it("keeps the newest ids where not all of them fit", () => {
    const trackingIds = Array.from({ length: 500 }, (_, at) => `${at}`.padEnd(64, "x"));
    const token = resumeToken({ at: "k3f9x2.0.42", trackingIds });
    const kept = parseResumeToken(token)?.trackingIds ?? [];
    expect(token.length).toBeLessThanOrEqual(8_000);
    expect(kept.length).toBeGreaterThan(100);
    expect(kept).toEqual(trackingIds.slice(-kept.length));
  });

  it("that somebody made up says nothing that a subscribe could not, or nothing at all", () => {
    for (const text of ["", "null", "7", '"x"', "[]", "{}", "{", '{"at":1,"ids":[]}', '{"at":"x","ids":{}}']) {
      expect(parseResumeToken(text)).toBe(null);
    }
    expect(parseResumeToken(JSON.stringify({ at: "x", ids: ["a".repeat(9_000)] }))).toBe(null);
    expect(parseResumeToken(JSON.stringify({ at: "x", ids: [7, null, "a", "a\0", "", "x".repeat(65)] }))).toEqual({
      at: "x",
      trackingIds: ["a"],
    });
    fc.assert(fc.property(fc.json(), (text) => void parseResumeToken(text)));
  });
});

it("what was told is remembered up to the capacity, the newest", () => {
  const told = new Told(2);
  expect(["a", "a", "b", "a", "c", "c", "b", "a"].map((id) => told.add(id))).toEqual([
    true,
    false,
    true,
    false,
    true,
    false,
    false,
    true,
  ]);
});

describe("which records execute a payment", () => {
  const recordsOf = (story: Story): LogRecord[] =>
    story.history.map((event, at) => ({
      ...event,
      offset: at + 1,
      id: `evt_${at}`,
      merchantId: story.payment.merchantId,
      paymentId: story.payment.id,
      topics: [],
    }));
  const executed = (story: Story) =>
    recordsOf(story).flatMap((record) => {
      const execution = executionOf(record);
      return execution ? [[record.type, execution.signature, execution.amountAtomic]] : [];
    });

  it("becoming paid does, becoming final does not again", () => {
    const story = new Story();
    story.included();
    story.head(6);
    story.head(20);
    expect(story.status).toBe("final");
    expect(executed(story)).toEqual([["payment.paid", "tx1", 10n]]);
  });

  it("being paid again after a reversal does, and the reversal takes it back", () => {
    const story = new Story();
    story.included();
    story.head(6);
    story.lost("orphaned");
    expect(undoneBy(recordsOf(story).at(-1) as LogRecord)).toEqual({ paymentId: story.payment.id });
    story.included({ confirmations: 2 });
    expect(executed(story).map(([, signature]) => signature)).toEqual(["tx1", "tx1"]);
    const ids = recordsOf(story).flatMap((record) => executionOf(record)?.id ?? []);
    expect(new Set(ids).size).toBe(1);
  });

  it("a person's word executes what a transaction covers, and nothing without one", () => {
    const covered = new Story();
    covered.do({ type: "cancel" });
    covered.included();
    covered.do({ type: "resolve", as: "paid" });
    expect(executed(covered)).toEqual([["payment.resolved", "tx1", 10n]]);
    const short = new Story();
    short.do({ type: "cancel" });
    short.included({ amountAtomic: 9n });
    short.do({ type: "resolve", as: "paid" });
    expect(short.status).toBe("paid");
    expect(executed(short)).toEqual([]);
  });

  it("of more transfers than an event lists, at least what was due", () => {
    const story = new Story({ amountAtomic: 60n });
    for (let at = 0; at < 60; at += 1) story.included({ txId: `tx${at}`, amountAtomic: 1n, confirmations: 2 });
    expect(executed(story).map(([type, , amount]) => [type, amount])).toEqual([["payment.paid", 60n]]);
  });

  it("nothing of a payment without a reference, or of an erased one", () => {
    const story = new Story({ reference: null });
    story.included({ confirmations: 2 });
    expect(executed(story)).toEqual([]);
    const erased = new Story({ amountAtomic: null });
    erased.do({ type: "erase" });
    erased.included({ confirmations: 2 });
    expect(executed(erased)).toEqual([]);
  });

  it("a standing payment's transfer that is lost is taken back", () => {
    const story = new Story({ amountAtomic: null });
    story.included({ confirmations: 2 });
    const execution = recordsOf(story).map(executionOf).at(-1);
    for (const loss of [() => story.lost("orphaned"), () => story.seen()]) {
      loss();
      expect(undoneBy(recordsOf(story).at(-1) as LogRecord)).toEqual({ ids: [execution?.id] });
    }
  });
});
