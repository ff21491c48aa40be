/** Chains of the kind `sui` in the configuration. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";

const minimal = { kind: "sui", network: "mainnet", endpoints: [{ url: "https://sui.example:443" }] };
const usdc = { coinType: "0x00dba::usdc::USDC", symbol: "USDC", decimals: 6 };

function load(chain: Record<string, unknown>) {
  const cwd = mkdtempSync(join(tmpdir(), "paybell-config-"));
  writeFileSync(join(cwd, "paybell.config.json"), JSON.stringify({ chains: { sui: chain } }));
  return loadConfig({ configFile: null, environment: {}, flags: {}, cwd }).chains.sui;
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
    chainId: null,
    coins: [],
    settlementPackages: null,
    confirmations: 1,
    finalConfirmations: 1,
    pollIntervalMs: 2_000,
    maxSilenceMs: 60_000,
  });
});

it.each([
  [{ endpoints: [] }, "endpoints"],
  [{ network: "mainet" }, "network"],
  [{ chainId: "0x35834a8a" }, "chainId"],
  [{ network: "devnet" }, "chains.sui.chainId is needed: devnet begins anew"],
  [{ network: "localnet" }, "chains.sui.chainId is needed: localnet begins anew"],
  [{ endpoints: [{ url: "grpc://sui.example" }] }, "endpoints[0].url"],
  [{ endpoints: [{ url: "https://key@sui.example" }] }, "chains.sui.endpoints[0].url carries credentials"],
  [{ coins: [{ ...usdc, coinType: "USDC" }] }, "coins[0].coinType"],
  [{ coins: [usdc, { ...usdc, coinType: "0x5::usdc::USDC" }] }, "chains.sui.coins[1].symbol USDC is there twice"],
  [{ coins: [{ ...usdc, symbol: "SUI" }] }, "chains.sui.coins[0].symbol SUI is there twice"],
  [{ coins: [usdc, { ...usdc, symbol: "U", coinType: "0xDBA::usdc::USDC" }] }, "chains.sui.coins[1].coinType"],
  [{ coins: [{ ...usdc, coinType: "0x0002::sui::SUI" }] }, "chains.sui.coins[0].coinType"],
  [{ settlementPackages: ["identipay"] }, "settlementPackages[0]"],
  [{ confirmations: 3 }, "finalConfirmations"],
])("refuses %j, and names it", (change, where) => {
  const problems = problemsOf({ ...minimal, ...change });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(where);
});

it("takes another chain's genesis digest, headers and coins", () => {
  const chain = {
    ...minimal,
    network: "devnet",
    chainId: "4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6S",
    endpoints: [{ url: "https://sui.example", headers: { "x-api-key": "k" } }],
    coins: [usdc],
    settlementPackages: ["0x5"],
  };
  expect(load(chain)).toMatchObject(chain);
});
