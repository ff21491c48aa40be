/** `paybell merchants set-address`: what it stores, and what it refuses. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { openSqlite, storesOn } from "../../testkit/sqlite-home.ts";
import { suiAddress } from "../../testkit/sui-harness.ts";

const SUI = { kind: "sui", network: "mainnet", endpoints: [{ url: "http://127.0.0.1:9000" }] };
const BITCOIN = { kind: "bitcoin", network: "mainnet", rpcUrl: "http://127.0.0.1:8332" };
const BOOKS = { kind: "external", assets: [{ symbol: "EUR", decimals: 2 }] };
const ADDRESS = suiAddress("the shop");

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "paybell-address-"));
  const chains = { sui: SUI, bitcoin: BITCOIN, books: BOOKS };
  await writeFile(join(cwd, "paybell.config.json"), JSON.stringify({ chains }));
  for (const name of ["Shop", "Other"]) expect((await run("merchants", "create", name)).code).toBe(0);
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

const set = (merchant: string, chain: string, address: string) =>
  run("merchants", "set-address", merchant, chain, address);

async function stored(merchantId: string): Promise<Readonly<Record<string, string>>> {
  const store = storesOn(await openSqlite(join(cwd, ".paybell")));
  const addresses = await store.merchants.addresses(merchantId);
  await store.close();
  return addresses;
}

it("stores the address in its one way of writing, and says which one it replaced", async () => {
  expect(await set("shop", "sui", `0x${ADDRESS.slice(2).toUpperCase()}`)).toEqual({
    code: 0,
    out: `${ADDRESS}\n`,
    err: "",
  });
  expect(await stored("shop")).toEqual({ sui: ADDRESS });
  expect((await set("shop", "sui", ADDRESS)).err).toBe("");
  const next = suiAddress("the shop's next");
  expect((await set("shop", "sui", next)).err).toContain(`This replaced ${ADDRESS}`);
  expect(await stored("shop")).toEqual({ sui: next });
  expect(await stored("other")).toEqual({});
});

it("refuses the address of another merchant", async () => {
  await set("shop", "sui", ADDRESS);
  const refused = await set("other", "sui", ADDRESS);
  expect(refused).toMatchObject({ code: 2, out: "" });
  expect(refused.err).toContain('The merchant "shop" has this address on sui already');
  expect(await stored("other")).toEqual({});
});

it.each([
  ["what is no address", ["shop", "sui", "0x2"], "no address on sui"],
  ["a merchant who is not there", ["nobody", "sui", ADDRESS], 'no merchant "nobody"'],
  ["a chain that is not there", ["shop", "siu", ADDRESS], "There are: sui, bitcoin, books"],
  ["a chain on which nothing but the address tells payments apart", ["shop", "bitcoin", "bc1q"], "cannot share one"],
  ["a chain that your backend watches", ["shop", "books", "desk 5"], "cannot share one"],
])("refuses %s", async (_, [merchant = "", chain = "", address = ""], words) => {
  const { code, out, err } = await set(merchant, chain, address);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain(words);
});
