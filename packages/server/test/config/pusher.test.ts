/** The section `pusher` of the configuration. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { SANDBOX_PUSHER_APP } from "../../src/config/pusher.ts";

const SECRET = "a secret of 22 letters".replaceAll(" ", "-");
const MASTER_KEY = Buffer.alloc(32, 7).toString("base64");

function load(file: Record<string, unknown>) {
  const cwd = mkdtempSync(join(tmpdir(), "paybell-config-"));
  writeFileSync(join(cwd, "paybell.config.json"), JSON.stringify(file));
  return loadConfig({ configFile: null, environment: {}, flags: {}, cwd }).pusher.apps;
}

function problemsOf(file: Record<string, unknown>): string[] {
  try {
    load(file);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ where, what }) => `${where} ${what}`);
    throw error;
  }
  return [];
}

const live = (...apps: object[]) => ({ mode: "live", pusher: { apps } });
const APP = { id: "shop", key: "shop-key" };

it("the sandbox has its own app, live mode none", () => {
  expect(load({})).toEqual([SANDBOX_PUSHER_APP]);
  expect(SANDBOX_PUSHER_APP).toMatchObject({ id: "paybell", keys: ["paybell", "1d9ffac87de599c61283"] });
  expect(SANDBOX_PUSHER_APP.encryptionMasterKey).toHaveLength(32);
  expect(load({ mode: "live" })).toEqual([]);
});

it("an app needs an id and a key, and may have more", () => {
  expect(load(live(APP))).toEqual([
    { id: "shop", keys: ["shop-key"], secret: null, encryptionMasterKey: null, merchantId: null },
  ]);
  const full = { ...APP, keys: ["older"], secret: SECRET, encryptionMasterKey: MASTER_KEY, merchant: "corner-shop" };
  expect(load(live(full))).toEqual([
    {
      id: "shop",
      keys: ["shop-key", "older"],
      secret: SECRET,
      encryptionMasterKey: Buffer.alloc(32, 7),
      merchantId: "corner-shop",
    },
  ]);
  // Clients of Transak have it built in, and a key opens public channels only.
  expect(load(live({ id: "transak", key: "1d9ffac87de599c61283" }))).toHaveLength(1);
  expect(load({ pusher: { apps: [APP] } })).toHaveLength(2);
});

it("what everybody knows is refused in live mode", () => {
  expect(problemsOf(live({ ...APP, secret: SANDBOX_PUSHER_APP.secret }))).toEqual([
    "paybell.config.json: pusher.apps[0].secret is the sandbox's, which everybody knows",
  ]);
  const known = SANDBOX_PUSHER_APP.encryptionMasterKey?.toString("base64");
  expect(problemsOf(live({ ...APP, secret: SECRET, encryptionMasterKey: known }))).toHaveLength(1);
});

it("ids and keys are taken once, the sandbox's too", () => {
  expect(problemsOf(live(APP, { id: "shop", key: "other" }, { id: "other", key: "shop-key" }))).toEqual([
    'paybell.config.json: pusher.apps[1].id "shop" is taken',
    'paybell.config.json: pusher.apps[2].key "shop-key" is taken',
  ]);
  expect(problemsOf({ pusher: { apps: [{ id: "paybell", key: "x" }] } })).toEqual([
    'paybell.config.json: pusher.apps[0].id "paybell" is taken',
  ]);
});

it("a wrong secret is refused without being shown", () => {
  const wrong = ["short", "with a blank in it and long enough", `${SECRET}\u00fc`];
  for (const secret of wrong) {
    const [problem] = problemsOf(live({ ...APP, secret }));
    expect(problem).toContain("pusher.apps[0].secret");
    expect(problem).not.toContain(secret);
  }
  const [problem] = problemsOf(live({ ...APP, secret: SECRET, encryptionMasterKey: "not base64" }));
  expect(problem).not.toContain("not base64");
  expect(problemsOf(live({ ...APP, encryptionMasterKey: MASTER_KEY }))).toEqual([
    "paybell.config.json: pusher.apps[0].encryptionMasterKey there is no secret beside it",
  ]);
  expect(problemsOf(live({ ...APP, secrte: SECRET }))).toHaveLength(1);
});
