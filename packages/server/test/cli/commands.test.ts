import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { KEY_LENGTH } from "../../src/http/keys.ts";

/** BIP84's own test vector: its account key and its first receiving address. */
const ZPUB =
  "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs";
/** The same key under the name of `xpub`. */
const XPUB =
  "xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZXYVUhLv1VMrjPC7PW6V";
const FIRST_ADDRESS = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu";

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "paybell-cli-"));
});
afterEach(() => rm(cwd, { recursive: true }));

async function run(...args: string[]) {
  return runWith({}, ...args);
}

async function runWith(environment: Record<string, string>, ...args: string[]) {
  const said = { out: "", err: "" };
  const code = await runProgram(
    args,
    {
      out: (text) => {
        said.out += text;
      },
      err: (text) => {
        said.err += text;
      },
      environment,
      cwd,
      colours: false,
    },
    "1.2.3",
  );
  return { code, ...said };
}

describe("help", () => {
  it.each([
    [["--help"], ["start", "merchants", "keys", "migrate", "Examples:", "Exit codes"]],
    [
      ["start", "--help"],
      ["--mode", "--host", "--port", "--data-dir", "--config", "--quiet", "[PAYBELL_PORT]", "8000"],
    ],
    [
      ["merchants", "--help"],
      ["create", "list", "set-xpub"],
    ],
    [
      ["keys", "--help"],
      ["create", "list", "revoke"],
    ],
    [
      ["keys", "create", "--help"],
      ["--kind", "secret", "publishable", "Example:"],
    ],
  ])("of %j names what there is", async (args, words) => {
    const { code, out } = await run(...args);
    expect(code).toBe(0);
    for (const word of words) expect(out).toContain(word);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("says which version this is", async () => {
    expect(await run("--version")).toEqual({ code: 0, out: "1.2.3\n", err: "" });
  });
});

describe("a wrong command line", () => {
  it.each([
    [["strat"], "Did you mean start?"],
    [["start", "--prot", "1"], "--prot"],
    [["keys", "create"], "merchant"],
    [["keys", "create", "shop", "--kind", "public"], "Allowed choices"],
    [["start", "now"], "too many arguments"],
  ])("%j ends with code 2 and says what was meant", async (args, words) => {
    const { code, out, err } = await run(...args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(words);
    expect(err).not.toContain("    at ");
  });
});

describe("a wrong configuration", () => {
  it("is told with its place and what is allowed, without a stack, and nothing is started", async () => {
    await writeFile(join(cwd, "paybell.config.json"), '{"prot": 1}');
    const { code, out, err } = await runWith({ PAYBELL_MODE: "prod" }, "start", "--port", "x");
    expect([code, out]).toEqual([2, ""]);
    for (const part of [
      "paybell.config.json: prot",
      'Did you mean "port"?',
      "PAYBELL_MODE",
      "sandbox, live",
      "--port",
    ]) {
      expect(err).toContain(part);
    }
    expect(err).not.toContain("    at ");
  });

  it("a database of the other mode is refused, with what to do", async () => {
    await run("migrate");
    const { code, err } = await run("merchants", "list", "--mode", "live");
    expect(code).toBe(1);
    expect(err).toMatch(/sandbox mode[\s\S]+PAYBELL_MODE/);
    expect(err).not.toContain("    at ");
  });
});

describe("paybell merchants", () => {
  it("creates one with an id from the name, and lists it", async () => {
    expect(await run("merchants", "create", "Café am Eck")).toMatchObject({ code: 0, out: "cafe-am-eck\n" });
    expect(await run("merchants", "create", "Other", "--id", "other_1")).toMatchObject({ code: 0, out: "other_1\n" });
    const { out } = await run("merchants", "list");
    expect(out).toMatch(/^ID +NAME +CREATED +XPUB ON\n/);
    expect(out).toMatch(/cafe-am-eck +Café am Eck/);
    expect(out).toContain("other_1");
  });

  it("refuses an id twice, and one that cannot be", async () => {
    await run("merchants", "create", "Shop");
    expect(await run("merchants", "create", "shop")).toMatchObject({ code: 2, out: "" });
    expect(await run("merchants", "create", "店")).toMatchObject({ code: 2, out: "" });
    expect(await run("merchants", "create", "Shop", "--id", "a b")).toMatchObject({ code: 2, out: "" });
  });

  it("sets an extended public key and shows the first address to compare", async () => {
    const chains = { bitcoin: { kind: "bitcoin", network: "mainnet", rpcUrl: "http://127.0.0.1:8332" } };
    await writeFile(join(cwd, "paybell.config.json"), JSON.stringify({ chains }));
    await run("merchants", "create", "Shop");
    expect(await run("merchants", "set-xpub", "shop", "bitcoin", ZPUB)).toMatchObject({
      code: 0,
      out: `${FIRST_ADDRESS}\n`,
    });
    expect((await run("merchants", "list")).out).toMatch(/shop +Shop +\S+ +bitcoin/);
  });

  it("refuses the key of another merchant, however it is written; a merchant's own may be set again", async () => {
    const chains = { bitcoin: { kind: "bitcoin", network: "mainnet", rpcUrl: "http://127.0.0.1:8332" } };
    await writeFile(join(cwd, "paybell.config.json"), JSON.stringify({ chains }));
    await run("merchants", "create", "Shop");
    await run("merchants", "create", "Other");
    await run("merchants", "set-xpub", "shop", "bitcoin", ZPUB);
    for (const xpub of [ZPUB, XPUB]) {
      const refused = await run("merchants", "set-xpub", "other", "bitcoin", xpub);
      expect(refused).toMatchObject({ code: 2, out: "" });
      expect(refused.err).toContain('The merchant "shop" has this key on bitcoin already');
      expect(await run("merchants", "set-xpub", "shop", "bitcoin", xpub)).toMatchObject({ code: 0 });
    }
    expect((await run("merchants", "list")).out).toMatch(/other +Other +\S+ +-/);
  });

  it("refuses a key that is none, a chain that derives none, a merchant that is not there", async () => {
    const chains = { bitcoin: { kind: "bitcoin", network: "mainnet", rpcUrl: "http://127.0.0.1:8332" } };
    await writeFile(join(cwd, "paybell.config.json"), JSON.stringify({ chains }));
    expect(await run("merchants", "set-xpub", "shop", "bitcoin", "zpub1")).toMatchObject({ code: 2, out: "" });
    const tron = await run("merchants", "set-xpub", "shop", "tron", ZPUB);
    expect(tron.err).toContain("Possible here: bitcoin");
    const missing = await run("merchants", "set-xpub", "shop", "bitcoin", ZPUB);
    expect(missing).toMatchObject({ code: 2, out: "" });
    expect(missing.err).toContain('no merchant "shop"');
  });
});

describe("paybell keys", () => {
  it("prints the key alone on standard output, once, and lists only its beginning", async () => {
    await run("merchants", "create", "Shop");
    const { code, out, err } = await run("keys", "create", "shop");
    expect(code).toBe(0);
    expect(out).toMatch(/^sk_sandbox_[0-9A-Za-z]+\n$/);
    expect(out.trim()).toHaveLength(KEY_LENGTH);
    const id = /key_[0-9a-f-]+/.exec(err)?.[0] as string;
    const list = (await run("keys", "list", "shop")).out;
    expect(list).toContain(id);
    expect(list).toContain("secret");
    expect(list).not.toContain(out.trim());
    expect(list).toContain(`${out.slice(0, 15)}…`);
  });

  it("makes live keys in live mode", async () => {
    await run("merchants", "create", "Shop", "--mode", "live");
    const { out } = await run("keys", "create", "shop", "--kind", "publishable", "--mode", "live");
    expect(out).toMatch(/^pk_live_[0-9A-Za-z]{36}\n$/);
  });

  it("revokes one, once", async () => {
    await run("merchants", "create", "Shop");
    const id = /key_[0-9a-f-]+/.exec((await run("keys", "create", "shop")).err)?.[0] as string;
    expect(await run("keys", "revoke", id)).toMatchObject({ code: 0 });
    expect((await run("keys", "list", "shop")).out).toMatch(new RegExp(`${id}.*Z +\\d{4}-`));
    expect(await run("keys", "revoke", id)).toMatchObject({ code: 2 });
    expect(await run("keys", "revoke", "key_unknown")).toMatchObject({ code: 2 });
  });

  it("names the merchants that there are", async () => {
    expect((await run("keys", "create", "shop")).err).toContain("paybell merchants create");
    await run("merchants", "create", "Corner Shop");
    expect((await run("keys", "list", "shop")).err).toContain("There are: corner-shop.");
  });
});

it("paybell migrate names what it applied, and then has nothing to do", async () => {
  const first = await run("migrate");
  expect(first.code).toBe(0);
  expect(first.out).toMatch(/^0001_\w+\n/);
  const second = await run("migrate");
  expect([second.code, second.out]).toEqual([0, ""]);
  expect(second.err).toContain("up to date");
});
