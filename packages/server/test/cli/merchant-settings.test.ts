/** `paybell merchants settings`: what it stores, what it refuses, and what it never shows. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { CLOSED_SETTINGS, type MerchantSettings } from "../../src/log/store.ts";
import { openSqlite, storesOn } from "../../testkit/sqlite-home.ts";

const SECRET = "a secret of thirty-two bytes, or more";

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "paybell-settings-"));
  expect((await run("merchants", "create", "Corner Shop")).code).toBe(0);
});
afterEach(() => rm(cwd, { recursive: true }));

async function run(...args: string[]) {
  const said = { out: "", err: "" };
  const io = {
    out: (text: string) => {
      said.out += text;
    },
    err: (text: string) => {
      said.err += text;
    },
    environment: {},
    cwd,
    colours: false,
  };
  return { code: await runProgram(args, io, "1.2.3"), ...said };
}

const set = (...args: string[]) => run("merchants", "settings", "corner-shop", ...args);

async function stored(): Promise<MerchantSettings> {
  const store = storesOn(await openSqlite(join(cwd, ".paybell")));
  const settings = await store.merchants.settings("corner-shop");
  await store.close();
  return settings;
}

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(cwd, name), text);
  return name;
}

async function publicKey(): Promise<Record<string, unknown>> {
  const { publicKey: key } = await generateKeyPair("ES256");
  return { ...(await exportJWK(key)), kid: "one" };
}

it("without options it shows that everything is closed", async () => {
  const { code, out, err } = await set();
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/session-secret +-\n/);
  expect(out).toMatch(/open-customers +off\n/);
  expect(await stored()).toEqual(CLOSED_SETTINGS);
});

it("a secret comes from a file, without the end of its line, and is never shown", async () => {
  const { code, out, err } = await set("--session-secret", await file("secret.txt", `${SECRET}\n`));
  expect(code).toBe(0);
  expect(out).toContain(`set (${SECRET.length} bytes)`);
  expect(out + err).not.toContain(SECRET);
  expect(await stored()).toEqual({ ...CLOSED_SETTINGS, sessionSecret: SECRET });
  await set("--session-secret", "off");
  expect(await stored()).toEqual(CLOSED_SETTINGS);
});

it("a JWK Set is stored in one line, a URL as it is", async () => {
  const keys = [await publicKey()];
  expect((await set("--session-jwks", await file("jwks.json", JSON.stringify({ keys }, null, 2)))).out).toContain(
    "1 key: one",
  );
  expect((await stored()).sessionJwks).toBe(JSON.stringify({ keys }));
  const url = "https://id.example/.well-known/jwks.json";
  expect((await set("--session-jwks", url)).out).toContain(url);
  expect((await stored()).sessionJwks).toBe(url);
});

it("each option changes its own setting and leaves the others", async () => {
  await set("--open-references", "on", "--session-issuer", "https://shop.example");
  const { err } = await set("--session-audience", "shop", "--open-customers", "on", "--open-orders", "on");
  expect(await stored()).toEqual({
    ...CLOSED_SETTINGS,
    sessionIssuer: "https://shop.example",
    sessionAudience: "shop",
    openCustomers: true,
    openReferences: true,
    openOrders: true,
  });
  expect(err).toContain("Anyone can now follow every user");
  expect(err).toContain("follow all orders");
  await set("--session-issuer", "off", "--open-references", "off");
  const { sessionIssuer, openReferences, openOrders } = await stored();
  expect([sessionIssuer, openReferences, openOrders]).toEqual([null, false, true]);
});

it.each([
  ["a merchant who is not there", () => ["merchants", "settings", "nobody"], "There are: corner-shop."],
  ["a word that is neither on nor off", () => ["--open-orders", "yes"], "Allowed choices"],
  ["a file that is not there", () => ["--session-secret", "none.txt"], "cannot be read"],
  ["an empty issuer", () => ["--session-issuer", " "], "is empty"],
  ["a URL that others could answer", () => ["--session-jwks", "http://id.example/jwks.json"], "must be https"],
  ["a file of another kind of URL", () => ["--session-jwks", "file:///etc/passwd"], "must be https"],
  ["a secret that is too short", async () => ["--session-secret", await file("s", "x".repeat(31))], "at least 32"],
  ["a JWK Set that is none", async () => ["--session-jwks", await file("j", "[]")], "at least one key"],
  ["a JWK Set that is no JSON", async () => ["--session-jwks", await file("j", "keys")], "neither a URL nor JSON"],
  [
    "a shared secret as a public key",
    async () => ["--session-jwks", await file("j", '{"keys":[{"kty":"oct","k":"AAAA"}]}')],
    "Only RSA, EC and OKP",
  ],
  [
    "a private key",
    async () => ["--session-jwks", await file("j", JSON.stringify({ keys: [{ ...(await publicKey()), d: "AA" }] }))],
    "private key",
  ],
])("%s is refused, and nothing is changed", async (_what, given, words) => {
  const args = await given();
  const { code, out, err } = await (args[0] === "merchants" ? run(...args) : set("--open-references", "on", ...args));
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain(words);
  expect(await stored()).toEqual(CLOSED_SETTINGS);
});
