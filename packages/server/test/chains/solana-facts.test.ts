/** Addresses, match rules and payment URIs of Solana. */
import { expect, it } from "vitest";
import { InvalidMatch, type MatchKind } from "../../src/chains/match.ts";
import { SolanaFacts } from "../../src/chains/solana/facts.ts";
import { InvalidAddress } from "../../src/chains/watcher.ts";
import { StartupError } from "../../src/kit/startup-error.ts";

const USDC = { mint: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", symbol: "USDC", decimals: 6 };
const WALLET = "mvines9iiHiQTysrwkJjGf2gb9Ex9jXJX8ns3qwf2kN";
/** Off the curve: a program's. */
const VAULT = "7j6nN1Nopg8wvR6L7jB1TkK71PSh9W7PMDpZmRBqvrBJ";
const REFERENCE = "82ZJ7nbGpixjeDCmEhUcmwXYfvurzAgGdtSMuHnUgyny";
const SIGNATURE = "4MbN6fF2EngTithA6ASomFzCPk1qq1LV1w1XkXcPairgxWX2GEpMxn7bfWEfhWZj8cvrrpgg5oXu3qZdTuXDeAC3";

const facts = new SolanaFacts({ tokens: [USDC], confirmations: 1, finalConfirmations: 1 });

it("has SOL and the tokens of the configuration, and no other", () => {
  expect(facts.assets).toEqual([
    { symbol: "SOL", decimals: 9 },
    { symbol: "USDC", decimals: 6 },
  ]);
});

it("refuses a configured mint that is no key", () => {
  const tokens = [{ ...USDC, mint: `1${USDC.mint}` }];
  expect(() => new SolanaFacts({ tokens, confirmations: 1, finalConfirmations: 1 })).toThrow(StartupError);
});

it.each([WALLET, VAULT, "11111111111111111111111111111111"])("takes the address %s as it is", (address) => {
  expect(facts.canonicalAddress(address)).toBe(address);
  expect(facts.recipientOf(address)).toBe(address);
});

it.each([
  ["", "nothing"],
  [WALLET.slice(1), "a character less"],
  [`1${WALLET}`, "a byte more"],
  [WALLET.replace("m", "0"), "no base58"],
  [`${WALLET} `, "a space"],
  [SIGNATURE, "a signature"],
  ["1".repeat(31), "31 bytes"],
  ["1".repeat(33), "33 bytes"],
  ["0x52908400098527886E0F7030069857D2E4169EE7", "another chain's"],
  ["shop.sol", "a name"],
])("refuses %j: %s", (address) => {
  expect(() => facts.canonicalAddress(address)).toThrow(InvalidAddress);
});

it.each<[MatchKind, string]>([
  ["payer", VAULT],
  ["referenceKey", REFERENCE],
  ["txId", SIGNATURE],
  ["memo", "order № 7"],
  ["memo", "x".repeat(566)],
  ["tributary", "*"],
  ["tributary", WALLET],
])("tells payments apart by %s %s", (kind, value) => {
  expect(facts.match.kinds).toContain(kind);
  expect(facts.match.canonical(kind, value)).toBe(value);
});

it.each<[MatchKind, string]>([
  ["payer", "*"],
  ["referenceKey", SIGNATURE],
  ["txId", WALLET],
  ["memo", ""],
  ["memo", "x".repeat(567)],
  ["memo", "ж".repeat(284)],
  ["memo", "\ud800"],
  ["tributary", "**"],
  ["intentHash", "00".repeat(32)],
])("refuses to tell payments apart by %s %j", (kind, value) => {
  expect(() => facts.match.canonical(kind, value)).toThrow(InvalidMatch);
});

const uri = (asset: string, amountAtomic: bigint | null, match = {}) =>
  facts.paymentUri({ address: WALLET, asset, decimals: asset === "SOL" ? 9 : 6, amountAtomic, match });

it("gives wallets a Solana Pay transfer request, with what they have to put into the transaction", () => {
  expect(uri("SOL", 1_000_000_000n)).toBe(`solana:${WALLET}?amount=1`);
  expect(uri("SOL", 1n)).toBe(`solana:${WALLET}?amount=0.000000001`);
  expect(uri("SOL", null)).toBe(`solana:${WALLET}`);
  expect(uri("USDC", 10_000n)).toBe(`solana:${WALLET}?amount=0.01&spl-token=${USDC.mint}`);
  expect(uri("USDC", 10_000n, { referenceKey: REFERENCE })).toBe(
    `solana:${WALLET}?amount=0.01&spl-token=${USDC.mint}&reference=${REFERENCE}`,
  );
  expect(uri("SOL", null, { memo: "order & co" })).toBe(`solana:${WALLET}?memo=order%20%26%20co`);
  expect(uri("USDC", null, { tributary: "*" })).toBeNull();
});
