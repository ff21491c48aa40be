/** TRON's addresses, match keys, payment URIs and policy, against the genuine library (tronweb). */
import { TronWeb } from "tronweb";
import { describe, expect, it } from "vitest";
import { InvalidMatch } from "../../src/chains/match.ts";
import { TronFacts } from "../../src/chains/tron/facts.ts";
import { countedHeight } from "../../src/chains/tron/open-tron.ts";
import { InvalidAddress } from "../../src/chains/watcher.ts";
import { randomAddress, TronWallet } from "../../testkit/tron/wallet.ts";

const ADDRESS = "TYg1YJTQqaeWF8yhFFcnkEExYpFbAHuyyc";
const HEX = "41f90a4115ca0859c0db8415d73b3a22626506cbbe";
const CONTRACT = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t";

const facts = new TronFacts({ tokens: [{ contract: CONTRACT, symbol: "USDT", decimals: 6 }] });
const rules = facts.match;

describe("an address", () => {
  it("is matched as the node's hex and shown in base58, as the genuine library has both", () => {
    expect(facts.recipientOf(ADDRESS)).toBe(HEX);
    for (const address of [ADDRESS, CONTRACT, randomAddress(), new TronWallet().address]) {
      expect(facts.recipientOf(address)).toBe(TronWeb.address.toHex(address).toLowerCase());
      expect(facts.canonicalAddress(address)).toBe(address);
    }
  });

  it.each([
    ["with another last character", `${ADDRESS.slice(0, -1)}d`, /base58 or its checksum/],
    ["in lower case", ADDRESS.toLowerCase(), /base58 or its checksum/],
    ["in hex", HEX, /no checksum.*base58/],
    ["of Ethereum", "0xf90a4115ca0859c0db8415d73b3a22626506cbbe", /no checksum.*base58/],
    ["of Bitcoin", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", /TRON's begin with T/],
    ["that is empty", "", /base58 or its checksum/],
    ["with a blank", ` ${ADDRESS}`, /base58 or its checksum/],
    ["that is a very long text", "T".repeat(100_000), /base58 or its checksum/],
  ])("%s is refused", (_, address, reason) => {
    for (const read of [facts.recipientOf, facts.canonicalAddress]) {
      expect(() => read.call(facts, address)).toThrow(InvalidAddress);
      expect(() => read.call(facts, address)).toThrow(reason);
    }
  });

  it("of a token's contract that is wrong is refused with the token's name", () => {
    const make = () =>
      new TronFacts({ tokens: [{ contract: `${CONTRACT.slice(0, -1)}u`, symbol: "USDT", decimals: 6 }] });
    expect(make).toThrow(/USDT.*checksum/);
  });
});

describe("what payments are told apart by", () => {
  it("is the sender, the transaction, or the memo, in one way of writing", () => {
    expect(rules.kinds).toEqual(["txId", "memo", "payer"]);
    expect(rules.canonical("payer", ADDRESS)).toBe(ADDRESS);
    expect(rules.canonical("txId", "AB".repeat(32))).toBe("ab".repeat(32));
    expect(rules.canonical("memo", "Bestellung 7 ☕")).toBe("Bestellung 7 ☕");
  });

  it.each([
    ["payer", HEX, /payer: In hex/],
    ["payer", "somebody", /payer: Not a TRON address/],
    ["txId", `0x${"ab".repeat(32)}`, /64 hexadecimal digits/],
    ["txId", "ab".repeat(31), /64 hexadecimal digits/],
    ["memo", "", /1 to 256 bytes/],
    ["memo", "☕".repeat(86), /1 to 256 bytes/],
    ["memo", "\ud800", /1 to 256 bytes/],
    ["referenceKey", "x", /no referenceKey.*txId with payer, memo, payer/],
  ] as const)("%s %j is refused", (kind, value, reason) => {
    expect(() => rules.canonical(kind, value)).toThrow(InvalidMatch);
    expect(() => rules.canonical(kind, value)).toThrow(reason);
  });
});

describe("a payment URI", () => {
  const uri = (given: object) =>
    facts.paymentUri({ address: ADDRESS, asset: "TRX", decimals: 6, amountAtomic: 1_500_000n, ...given });

  it.each([
    ["TRX in whole coins", {}, `tron:${ADDRESS}?amount=1.5`],
    ["one sun", { amountAtomic: 1n }, `tron:${ADDRESS}?amount=0.000001`],
    [
      "all TRX that there are",
      { amountAtomic: 100_000_000_000_000_001n },
      `tron:${ADDRESS}?amount=100000000000.000001`,
    ],
    ["no amount", { amountAtomic: null }, `tron:${ADDRESS}`],
    ["a token with its contract", { asset: "USDT" }, `tron:${ADDRESS}?amount=1.5&token=${CONTRACT}`],
    ["a memo", { match: { memo: "order 7&8" } }, `tron:${ADDRESS}?amount=1.5&memo=order%207%268`],
    ["a payer, which no wallet has to be told", { match: { payer: ADDRESS } }, `tron:${ADDRESS}?amount=1.5`],
  ])("asks for %s", (_, given, expected) => {
    expect(uri(given)).toBe(expected);
  });
});

describe("the policy", () => {
  it("is 21 confirmations, of which none is let off, and 27 for final", () => {
    expect(facts).toMatchObject({ defaultConfirmations: 21, minConfirmations: 21, finalConfirmations: 27 });
    expect(new TronFacts({ confirmations: 40 })).toMatchObject({ defaultConfirmations: 40, minConfirmations: 40 });
  });

  it("knows TRX and the tokens of the configuration", () => {
    expect(facts.assets).toMatchObject([
      { symbol: "TRX", decimals: 6 },
      { symbol: "USDT", decimals: 6 },
    ]);
    expect(facts.allocator).toBeNull();
  });
});

describe("the height up to which confirmations count", () => {
  const counted = (height: number, solidified: number, confirmations: number) =>
    countedHeight({ height, hash: "", finalized: { height: solidified, hash: "" } }, confirmations);

  it.each([
    ["the head, where all representatives build", 118, 100, 21, 118],
    ["twenty above what is solidified, where they do not", 200, 100, 21, 120],
    ["what is solidified, where one confirmation is enough", 118, 100, 1, 100],
    ["never beyond the head", 100, 100, 21, 100],
  ])("is %s", (_, height, solidified, confirmations, expected) => {
    expect(counted(height, solidified, confirmations)).toBe(expected);
  });
});
