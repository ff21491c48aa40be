/** The section `identipay` of the configuration. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";

const sui = { kind: "external", assets: [{ symbol: "0x1::usdc::USDC", decimals: 6 }] };

function load(file: Record<string, unknown>) {
  const cwd = mkdtempSync(join(tmpdir(), "paybell-config-"));
  writeFileSync(join(cwd, "paybell.config.json"), JSON.stringify(file));
  return loadConfig({ configFile: null, environment: {}, flags: {}, cwd }).identipay;
}

function problemsOf(file: Record<string, unknown>) {
  try {
    load(file);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ where, whatToDo }) => `${where} | ${whatToDo}`);
    throw error;
  }
  return [];
}

it("names a chain, and may rename its assets", () => {
  expect(load({ chains: { sui }, identipay: { chain: "sui" } })).toEqual({ chain: "sui", currencies: null });
  const currencies = { USDC: "0x1::usdc::USDC" };
  expect(load({ chains: { sui }, identipay: { chain: "sui", currencies } })).toEqual({ chain: "sui", currencies });
  expect(load({ identipay: { chain: "sandbox" } }), "the sandbox's own").toEqual({
    chain: "sandbox",
    currencies: null,
  });
});

it("refuses a chain that is not configured, and names those that are", () => {
  expect(problemsOf({ chains: { sui }, identipay: { chain: "siu" } })).toEqual([
    "paybell.config.json: identipay.chain | Configured are: sui, sandbox.",
  ]);
  expect(problemsOf({ mode: "live", identipay: { chain: "sandbox" } })).toEqual([
    "paybell.config.json: identipay.chain | Configure it under chains.",
  ]);
});

it("refuses an asset that the chain does not have, and names those that it has", () => {
  expect(problemsOf({ chains: { sui }, identipay: { chain: "sui", currencies: { USDC: "USDC" } } })).toEqual([
    "paybell.config.json: identipay.currencies.USDC | Its assets are: 0x1::usdc::USDC.",
  ]);
});

it("refuses a section without a chain, and unknown names", () => {
  expect(problemsOf({ identipay: {} })).toEqual([
    "paybell.config.json: identipay.chain | Allowed: string, at least 1 characters.",
  ]);
  expect(problemsOf({ identipay: { chain: "sandbox", asset: "SBX" } })).toHaveLength(1);
});
