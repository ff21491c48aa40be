/** Chains of the kind `tron` in the configuration. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";

const cwd = mkdtempSync(join(tmpdir(), "paybell-tron-config-"));
afterAll(() => rmSync(cwd, { recursive: true }));

const minimal = { kind: "tron", network: "mainnet", endpoints: [{ url: "https://tron.example" }] };
const usdt = { contract: "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", symbol: "USDT", decimals: 6 };

function load(chain: object) {
  writeFileSync(join(cwd, "paybell.config.json"), JSON.stringify({ chains: { tron: chain } }));
  return loadConfig({ configFile: null, environment: {}, flags: {}, cwd }).chains.tron;
}

const refusal = (chain: object): string => {
  try {
    load(chain);
    return "none";
  } catch (error) {
    return (error as Error).message;
  }
};

test("the least that is needed is completed", () => {
  expect(load(minimal)).toEqual({
    ...minimal,
    genesis: null,
    tokens: [],
    confirmations: 21,
    finalConfirmations: 27,
    pollIntervalMs: 3_000,
    maxSilenceMs: 60_000,
  });
});

test("whoever wants more confirmations for paid gets no fewer for final", () => {
  expect(load({ ...minimal, confirmations: 40 })).toMatchObject({ confirmations: 40, finalConfirmations: 40 });
  expect(load({ ...minimal, confirmations: 1 })).toMatchObject({ confirmations: 1, finalConfirmations: 27 });
});

test("all settings are taken as they are", () => {
  const full = {
    ...minimal,
    network: "private",
    genesis: "ab".repeat(32),
    endpoints: [
      { url: "http://127.0.0.1:8090", solidityUrl: "http://127.0.0.1:8091", headers: { "TRON-PRO-API-KEY": "k" } },
    ],
    tokens: [usdt],
    confirmations: 19,
    finalConfirmations: 20,
    pollIntervalMs: 500,
    maxSilenceMs: 10_000,
  };
  expect(load(full)).toEqual(full);
});

test.each([
  [{ network: "main" }, "chains.tron.network"],
  [{ endpoints: [] }, "chains.tron.endpoints"],
  [{ endpoints: [{ url: "tron.example" }] }, "chains.tron.endpoints[0].url"],
  [{ endpoints: [{ url: "http://:8090" }] }, "chains.tron.endpoints[0].url is no URL"],
  [{ endpoints: [{ url: "http://a", solidityUrl: "http://:1" }] }, "chains.tron.endpoints[0].solidityUrl is no URL"],
  [{ confirmations: 0 }, "chains.tron.confirmations"],
  [{ confirmations: 30, finalConfirmations: 29 }, "chains.tron.finalConfirmations"],
  [{ genesis: "ab".repeat(32) }, "chains.tron.genesis belongs to private networks only"],
  [{ network: "private", genesis: "AB" }, "chains.tron.genesis"],
  [{ tokens: [{ ...usdt, contract: "0xdac17f958d2ee523a2206206994597c13d831ec7" }] }, "chains.tron.tokens[0].contract"],
  [{ tokens: [usdt, usdt] }, "chains.tron.tokens[1].symbol USDT is there twice"],
  [
    { tokens: [usdt, { ...usdt, symbol: "U" }] },
    "chains.tron.tokens[1].contract TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t is",
  ],
  [{ tokens: [{ ...usdt, symbol: "TRX" }] }, "chains.tron.tokens[0].symbol TRX is there twice"],
  [{ token: usdt }, "chains.tron.token"],
])("%j is refused by its name", (wrong, expected) => {
  expect(refusal({ ...minimal, ...wrong }).replaceAll(/:? {1,}/g, " ")).toContain(expected);
});
