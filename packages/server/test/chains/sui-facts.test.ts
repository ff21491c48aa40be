/** Addresses, digests, intent hashes and coins of Sui, as the API takes them. */
import { describe, expect, it } from "vitest";
import { InvalidMatch } from "../../src/chains/match.ts";
import { SuiFacts } from "../../src/chains/sui/facts.ts";
import { expectedChainId } from "../../src/chains/sui/network.ts";
import { InvalidAddress } from "../../src/chains/watcher.ts";
import { suiAddress, USDC } from "../../testkit/sui-harness.ts";

const facts = new SuiFacts({ coins: [USDC] });
const ADDRESS = suiAddress("the shop");
/** From the identiPay document. */
const DIGEST = "8x7HKvUKRhXZ9Q2bNnF4kP3mT6wJ1sY5vL2cD9gE4aB6";

describe("an address", () => {
  it("is written in one way: 64 digits in lower case", () => {
    const loud = `0x${ADDRESS.slice(2).toUpperCase()}`;
    expect([facts.canonicalAddress(ADDRESS), facts.canonicalAddress(loud), facts.recipientOf(loud)]).toEqual([
      ADDRESS,
      ADDRESS,
      ADDRESS,
    ]);
  });

  it.each([
    [ADDRESS.slice(0, -1), /63 hex digits/],
    [`${ADDRESS}0`, /65 hex digits/],
    ["0x2", /1 hex digits/],
    [ADDRESS.slice(2), /0x and 64 hex digits/],
    [`0x${"g".repeat(64)}`, /0x and 64 hex digits/],
    ["", /0x and 64 hex digits/],
    ["shop.sui", /0x and 64 hex digits/],
  ])("is not %j", (text, message) => {
    expect(() => facts.canonicalAddress(text)).toThrow(InvalidAddress);
    expect(() => facts.recipientOf(text)).toThrow(message);
  });
});

describe("what tells payments apart", () => {
  it("has one way of writing it", () => {
    const hash = "AB".repeat(32);
    expect(facts.match.kinds).toEqual(["txId", "intentHash", "payer"]);
    expect(facts.match.canonical("intentHash", `0x${hash}`)).toBe("ab".repeat(32));
    expect(facts.match.canonical("payer", `0x${"AB".repeat(32)}`)).toBe(`0x${"ab".repeat(32)}`);
    expect(facts.match.canonical("txId", DIGEST)).toBe(DIGEST);
  });

  it.each([
    ["intentHash", "ab".repeat(31)],
    ["txId", `${"1".repeat(43)}0`],
    ["txId", "1".repeat(33)],
    ["txId", ""],
    ["payer", "0x2"],
    ["memo", "order 5"],
  ] as const)("%s is not %j", (kind, value) => {
    expect(() => facts.match.canonical(kind, value)).toThrow(InvalidMatch);
  });
});

describe("the coins", () => {
  it("are SUI and those of the configuration", () => {
    expect(facts.assets).toEqual([
      { symbol: "SUI", decimals: 9 },
      { symbol: "USDC", decimals: 6 },
    ]);
  });
});

describe("the policy", () => {
  it("is one checkpoint, which is final", () => {
    expect([facts.defaultConfirmations, facts.finalConfirmations]).toEqual([1, 1]);
  });

  it("knows mainnet and testnet by their genesis checkpoint; others have to be named", () => {
    expect(expectedChainId("testnet", null)).not.toBe(expectedChainId("mainnet", null));
    expect(expectedChainId("localnet", DIGEST)).toBe(DIGEST);
    expect(() => expectedChainId("localnet", null)).toThrow(/needs a chainId/);
  });
});
