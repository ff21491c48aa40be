/** Addresses, payment URIs and match keys of EVM networks, and their configuration. Vectors: EIP-55, EIP-681. */
import { describe, expect, it } from "vitest";
import { EvmFacts } from "../../src/chains/evm/facts.ts";
import { type EvmOptions, openEvm } from "../../src/chains/evm/open-evm.ts";
import { InvalidMatch } from "../../src/chains/match.ts";
import { InvalidAddress } from "../../src/chains/watcher.ts";
import type { EvmChainConfig } from "../../src/config/chains/evm.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { configFrom } from "../../src/config/load-config.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { StartupError } from "../../src/kit/startup-error.ts";
import { quietLogger } from "../../testkit/quiet-logger.ts";

const USDC = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
const ALICE = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

const facts = new EvmFacts({
  chain: "polygon",
  chainId: 137,
  native: { symbol: "POL", decimals: 18 },
  tokens: [{ contract: USDC.toLowerCase(), symbol: "USDC", decimals: 6 }],
  confirmations: 12,
  finalConfirmations: 64,
});

describe("an address", () => {
  it.each([
    ALICE,
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
  ])("%s is written with its checksum and matched without", (address) => {
    expect(facts.canonicalAddress(address)).toBe(address);
    expect(facts.canonicalAddress(address.toLowerCase())).toBe(address);
    expect(facts.canonicalAddress(`0x${address.slice(2).toUpperCase()}`)).toBe(address);
    expect(facts.recipientOf(address)).toBe(address.toLowerCase());
  });

  it("with a wrong digit is refused for its checksum", () => {
    const wrong = `${ALICE.slice(0, -1)}e`;
    expect(() => facts.canonicalAddress(wrong)).toThrow(InvalidAddress);
    expect(() => facts.recipientOf(wrong)).toThrow(/checksum of EIP-55/);
  });

  it.each([
    "",
    "0x",
    "alice.eth",
    ALICE.slice(2),
    `${ALICE}00`,
    "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb",
    `0X${ALICE.slice(2)}`,
  ])("%j is none", (text) => {
    expect(() => facts.canonicalAddress(text)).toThrow(InvalidAddress);
  });
});

describe("a payment URI", () => {
  const uri = (asset: string, amountAtomic: bigint | null) =>
    facts.paymentUri({ address: ALICE, asset, decimals: 18, amountAtomic });

  it("names the network and, in atomic units, the amount", () => {
    expect(uri("POL", 2_014_000_000_000_000_000n)).toBe(`ethereum:${ALICE}@137?value=2014000000000000000`);
    expect(uri("POL", null)).toBe(`ethereum:${ALICE}@137`);
  });

  it("of a token calls its contract", () => {
    expect(uri("USDC", 1_500_000n)).toBe(`ethereum:${USDC}@137/transfer?address=${ALICE}&uint256=1500000`);
    expect(uri("USDC", null)).toBe(`ethereum:${USDC}@137/transfer?address=${ALICE}`);
  });
});

describe("payments that share an address", () => {
  it("are told apart by payer, and by the transaction with its payer", () => {
    expect(facts.match.kinds).toEqual(["txId", "payer"]);
    expect(facts.match.canonical("payer", ALICE.toLowerCase())).toBe(ALICE);
    expect(facts.match.canonical("txId", `0x${"AB".repeat(32)}`)).toBe(`0x${"ab".repeat(32)}`);
  });

  it("by nothing else", () => {
    expect(() => facts.match.canonical("payer", "somebody")).toThrow(InvalidMatch);
    expect(() => facts.match.canonical("txId", "ab".repeat(32))).toThrow(InvalidMatch);
  });
});

const URL_ONLY = { url: "http://127.0.0.1:8545" };

function configured(chain: object): EvmChainConfig {
  const tree = { mode: "live", chains: { polygon: { kind: "evm", chainId: 137, endpoints: [URL_ONLY], ...chain } } };
  const { chains } = configFrom({ name: "paybell.config.json", tree }, { environment: {}, flags: {}, cwd: "/" });
  return chains.polygon as EvmChainConfig;
}

/** All that is wrong with it, in words. */
function problemsOf(chain: object): string {
  try {
    configured(chain);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("There is nothing wrong with it.");
}

describe("the configuration", () => {
  it("needs a chain id and an endpoint, and has a default for the rest", () => {
    expect(configured({})).toEqual({
      kind: "evm",
      chainId: 137,
      native: { symbol: "ETH", decimals: 18 },
      endpoints: [{ ...URL_ONLY, wsUrl: null, headers: {} }],
      tokens: [],
      finality: "confirmations",
      confirmations: 12,
      finalConfirmations: 64,
      mempool: false,
      batchSize: 20,
      pollIntervalMs: 3_000,
      maxSilenceMs: 120_000,
    });
  });

  it("asks for one confirmation where the network stands by its blocks", () => {
    expect(configured({ finality: "finalized" })).toMatchObject({ confirmations: 1, finalConfirmations: 1 });
    expect(configured({ finality: "safe" })).toMatchObject({ confirmations: 1, finalConfirmations: 64 });
    expect(configured({ confirmations: 100 })).toMatchObject({ confirmations: 100, finalConfirmations: 100 });
  });

  it("refuses the same contract or symbol twice, however it is written", () => {
    const token = { contract: USDC, symbol: "USDC", decimals: 6 };
    const twice = [token, { ...token, contract: USDC.toLowerCase(), symbol: "USDC.e" }];
    expect(problemsOf({ tokens: twice })).toMatch(/0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48 is there twice/);
    expect(problemsOf({ tokens: [{ ...token, symbol: "ETH" }] })).toMatch(/ETH is there twice/);
  });

  it("refuses what is no URL, no contract and no policy", () => {
    expect(problemsOf({ endpoints: [{ url: "http://[" }] })).toMatch(/is no URL/);
    expect(problemsOf({ tokens: [{ contract: "0x12", symbol: "X", decimals: 6 }] })).toMatch(/tokens\[0\]\.contract/);
    expect(problemsOf({ finality: "soon" })).toMatch(/finality/);
    expect(problemsOf({ finality: "safe", confirmations: 9, finalConfirmations: 8 })).toMatch(
      /is less than confirmations/,
    );
  });

  const opened = (chain: object) => {
    const options: EvmOptions = { ...configured(chain), chain: "polygon", clock: systemClock, logger: quietLogger };
    return openEvm(options).facts;
  };

  it("a contract whose checksum is wrong stops the start", () => {
    const contract = USDC.replace("A0b8", "A0B8");
    expect(() => opened({ tokens: [{ contract, symbol: "USDC", decimals: 6 }] })).toThrow(StartupError);
    expect(() => opened({ tokens: [{ contract, symbol: "USDC", decimals: 6 }] })).toThrow(/chains.polygon: .*of USDC/);
  });

  it("no payment may do without a confirmation where the policy is the network's word", () => {
    expect(opened({ finality: "finalized" }).minConfirmations).toBe(1);
    expect(opened({}).minConfirmations).toBe(0);
  });
});
