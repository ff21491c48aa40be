/** Chains of the kind `solana` in the configuration. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";

const minimal = { kind: "solana", network: "mainnet-beta", endpoints: [{ url: "https://solana.example" }] };
const usdc = { mint: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", symbol: "USDC", decimals: 6 };
const GENESIS = "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY";

function load(chain: Record<string, unknown>) {
  const cwd = mkdtempSync(join(tmpdir(), "paybell-config-"));
  writeFileSync(join(cwd, "paybell.config.json"), JSON.stringify({ chains: { solana: chain } }));
  return loadConfig({ configFile: null, environment: {}, flags: {}, cwd }).chains.solana;
}

function problemsOf(chain: Record<string, unknown>) {
  try {
    load(chain);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ where, what }) => `${where} ${what}`);
    throw error;
  }
  return [];
}

it("needs a network and an endpoint; the rest has defaults", () => {
  expect(load(minimal)).toEqual({
    ...minimal,
    endpoints: [{ url: "https://solana.example", wsUrl: null, headers: {} }],
    genesisHash: null,
    tokens: [],
    tributary: null,
    confirmations: 1,
    finalConfirmations: 1,
    pollIntervalMs: 1_000,
    maxSilenceMs: 30_000,
  });
});

it("knows Tributary's program, and takes another", () => {
  expect(load({ ...minimal, tributary: {} })).toMatchObject({
    tributary: { program: "TRibg8W8zmPHQqWtyAD1rEBRXEdyU13Mu6qX1Sg42tJ" },
  });
  expect(load({ ...minimal, tributary: { program: GENESIS } })).toMatchObject({ tributary: { program: GENESIS } });
});

it.each([
  [{ endpoints: [] }, "endpoints"],
  [{ network: "mainnet" }, "network"],
  [{ genesisHash: GENESIS }, "chains.solana.genesisHash belongs to private networks only"],
  [{ network: "private", genesisHash: "0x35834a8a" }, "genesisHash"],
  [{ endpoints: [{ url: "ws://solana.example" }] }, "endpoints[0].url"],
  [{ endpoints: [{ url: "https://solana.example", wsUrl: "https://solana.example" }] }, "endpoints[0].wsUrl"],
  [{ tokens: [{ ...usdc, mint: "USDC" }] }, "tokens[0].mint"],
  [{ tokens: [usdc, { ...usdc, mint: GENESIS }] }, "chains.solana.tokens[1].symbol USDC is there twice"],
  [{ tokens: [usdc, { ...usdc, symbol: "U" }] }, "chains.solana.tokens[1].mint"],
  [{ tokens: [{ ...usdc, symbol: "SOL" }] }, "chains.solana.tokens[0].symbol SOL is there twice"],
  [{ tributary: { program: "tributary" } }, "tributary.program"],
  [{ confirmations: 3 }, "finalConfirmations"],
])("refuses %j, and names it", (change, where) => {
  const problems = problemsOf({ ...minimal, ...change });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(where);
});
