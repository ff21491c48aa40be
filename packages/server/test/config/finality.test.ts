/** Where a payment waits for the chain's own word, no setting makes it paid before. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { SolanaFacts } from "../../src/chains/solana/facts.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";

const endpoints = [{ url: "http://127.0.0.1:1" }];
const solana = { kind: "solana", network: "devnet", endpoints };
const evm = { kind: "evm", chainId: 1, endpoints };

function problemsOf(chain: Record<string, unknown>) {
  const cwd = mkdtempSync(join(tmpdir(), "paybell-config-"));
  writeFileSync(join(cwd, "paybell.config.json"), JSON.stringify({ chains: { here: chain } }));
  try {
    loadConfig({ configFile: null, environment: {}, flags: {}, cwd });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ where }) => where);
    throw error;
  }
  return [];
}

it.each([[solana], [{ ...evm, finality: "safe" }], [{ ...evm, finality: "finalized" }]])(
  "%j without confirmations is refused by its name, with one it is not",
  (chain) => {
    expect(problemsOf({ ...chain, confirmations: 0 }).join()).toContain("chains.here.confirmations");
    expect(problemsOf({ ...chain, confirmations: 1 })).toEqual([]);
  },
);

it("an EVM network whose confirmations count to the head may do without", () => {
  expect(problemsOf({ ...evm, confirmations: 0 })).toEqual([]);
});

it("nor may a payment on Solana do without", () => {
  expect(new SolanaFacts({ tokens: [], confirmations: 1, finalConfirmations: 1 }).minConfirmations).toBe(1);
});
