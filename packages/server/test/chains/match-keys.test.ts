/** Match keys as texts: made, read, and asked for. */
import { MATCH_KINDS, type PaymentMatch } from "@paybell/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchIn, matchKeyOf, narrowerKeys, recipientIn, watchedKey } from "../../src/chains/match.ts";

const anyMatch: fc.Arbitrary<PaymentMatch> = fc.oneof(
  ...MATCH_KINDS.filter((kind) => kind !== "txId").map((kind) =>
    fc.string({ minLength: 1, unit: "binary" }).map((value): PaymentMatch => ({ [kind]: value })),
  ),
  fc.record({ txId: fc.string({ minLength: 1 }), payer: fc.string({ minLength: 1 }) }),
);

describe("a match key", () => {
  test("is read as it was made, whatever text is in it, and never that of another match", () => {
    fc.assert(
      fc.property(anyMatch, anyMatch, (match, other) => {
        const key = matchKeyOf("recipient", match);
        expect(matchIn(key)).toEqual(match);
        expect(recipientIn(key)).toBe("recipient");
        expect(key === matchKeyOf("recipient", other)).toBe(
          JSON.stringify(sorted(match)) === JSON.stringify(sorted(other)),
        );
      }),
    );
  });

  test("is the recipient where nothing is beside it", () => {
    expect([matchKeyOf("r", null), matchKeyOf("r", {}), recipientIn("r")]).toEqual(["r", "r", "r"]);
    expect(matchIn("r")).toEqual({});
    expect(narrowerKeys("r")).toEqual([]);
  });

  test("can be made of half a character that a chain brings", () => {
    expect(matchIn(matchKeyOf("r", { memo: "a\ud800" }))).toEqual({ memo: "a\ufffd" });
  });
});

const sorted = (match: PaymentMatch) => MATCH_KINDS.map((kind) => match[kind] ?? null);

describe("what is asked of a transfer", () => {
  const evidence = {
    txId: "x",
    payers: ["p", "q"],
    memos: ["m"],
    gateways: ["g"],
    referenceKeys: ["k"],
    intentHashes: ["h"],
  };

  test("is one look-up where nobody knows the recipient", () => {
    const asked: string[] = [];
    const watches = (key: string) => {
      asked.push(key);
      return false;
    };
    expect(watchedKey(watches, "r", evidence)).toBeNull();
    expect(asked).toEqual(["r"]);
  });

  test("names the recipient alone where nobody waits for more", () => {
    expect(watchedKey((key) => key === "r", "r", evidence)).toBe("r");
  });

  test("is the payment's own key where one waits", () => {
    for (const match of [{ memo: "m" }, { payer: "q" }, { tributary: "*" }, { txId: "x", payer: "p" }]) {
      const key = matchKeyOf("r", match);
      expect(watchedKey((asked) => asked === "r" || asked === key, "r", evidence)).toBe(key);
    }
  });

  test("a transaction's id is nothing without its payer", () => {
    const watched = new Set(["r", "r?txId=x", "r?txId=x&payer=other"]);
    expect(watchedKey((key) => watched.has(key), "r", evidence)).toBe("r");
    expect(narrowerKeys("r?txId=x")).toEqual([]);
  });

  test("names all that are waited for, and gives them back in order, the most particular first", () => {
    const watched = [{ payer: "q" }, { tributary: "*" }, { memo: "m" }, { txId: "x", payer: "p" }];
    const keys = watched.map((match) => matchKeyOf("r", match));
    const sighted = watchedKey((key) => key === "r" || keys.includes(key), "r", evidence) as string;
    expect(sighted).toBe("r?txId=x&memo=m&tributary=*&payer=p&payer=q");
    // Those that nobody asked for do no harm: all of it is true of the transfer.
    expect(narrowerKeys(sighted)).toEqual([
      "r?txId=x&payer=p",
      "r?txId=x&payer=q",
      "r?memo=m",
      "r?tributary=*",
      "r?payer=p",
      "r?payer=q",
    ]);
    expect(narrowerKeys(sighted).filter((key) => keys.includes(key))).toEqual(keys.toReversed());
  });
});
