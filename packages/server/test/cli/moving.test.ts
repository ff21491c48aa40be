/** What `paybell export`, `import` and `new-epoch` refuse, and that nothing of it stays. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withoutPaybell } from "../../testkit/environment.ts";
import {
  contentsOf,
  exported,
  imported,
  type Place,
  paybell,
  postgresPlace,
  sqlitePlace,
} from "../../testkit/moving.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { fill } from "../../testkit/storing/full-store.ts";

const server = usePostgres();
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const CLI = fileURLToPath(new URL("../../src/cli/paybell.ts", import.meta.url));

const places: Place[] = [];
let source: Place;
let file: Buffer;

async function sqlite(): Promise<Place> {
  const place = await sqlitePlace();
  places.push(place);
  return place;
}
async function postgres(): Promise<Place> {
  const place = await postgresPlace(server());
  places.push(place);
  return place;
}
const dirOf = ({ environment }: Place) => environment.PAYBELL_DATA_DIR as string;

beforeAll(async () => {
  source = await sqlite();
  const store = await source.open();
  await fill(store);
  await store.close();
  file = await exported(source);
});
afterAll(async () => {
  for (const place of places) await place.remove();
});

const lines = () => file.toString().trimEnd().split("\n");
const fileOf = (given: readonly string[]) => Buffer.from(`${given.join("\n")}\n`);
const isEmpty = async (place: Place) => {
  const { tables, head } = contentsOf(await exported(place));
  return head === 0 && Object.values(tables).every((rows) => rows === 0);
};
const refused = async (place: Place, input: Uint8Array, ...args: string[]) => {
  const { code, err } = await paybell(place, ["import", ...args], { input });
  expect(err).not.toContain("\n    at ");
  expect(code).not.toBe(0);
  return err;
};

describe("paybell export", () => {
  test("writes a file that nobody else can read, says what is in it, and does not write over another", async () => {
    const out = join(dirOf(source), "shop.jsonl");
    const done = await paybell(source, ["export", "--out", out]);
    expect(done).toMatchObject({ code: 0, err: expect.stringContaining("It holds secrets") });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(contentsOf(readFileSync(out))).toEqual(contentsOf(file));
    const again = await paybell(source, ["export", "--out", out]);
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining("is there already") });
  });

  test("compresses what ends in .gz, and the import does not mind", async () => {
    const out = join(dirOf(source), "shop.jsonl.gz");
    expect((await paybell(source, ["export", "--out", out])).code).toBe(0);
    expect(contentsOf(gunzipSync(readFileSync(out)))).toEqual(contentsOf(file));
    const target = await sqlite();
    const done = await paybell(target, ["import", "--in", out]);
    expect(done).toMatchObject({ code: 0, err: expect.stringContaining("Imported") });
    expect(contentsOf(await exported(target)).lines).toEqual(contentsOf(file).lines);
  });

  test("is not for the screen, and needs a database", async () => {
    expect(await paybell(source, ["export"], { toScreen: true })).toMatchObject({
      code: 2,
      err: expect.stringContaining("--out"),
    });
    const nowhere = await sqlite();
    expect(await paybell(nowhere, ["export"])).toMatchObject({ code: 1, err: expect.stringContaining("no database") });
  });

  test("holds what was stored when it began, while a server goes on", async () => {
    for (const place of [source, await postgres()]) {
      const store = await place.open();
      if (place !== source) await fill(store);
      const before = await store.log.head();
      const meanwhile = async () => void (await fill(store, `merchant-${place.store}`));
      const { out: during } = await paybell(place, ["export"], { meanwhile });
      expect(await store.log.head()).toBeGreaterThan(before);
      await store.close();
      expect(contentsOf(during).head).toBe(before);
      await imported(await sqlite(), during);
    }
  });
});

describe("paybell import refuses", () => {
  test("a database that holds something", async () => {
    for (const place of [await sqlite(), await postgres()]) {
      await imported(place, file);
      const before = contentsOf(await exported(place));
      expect(await refused(place, file)).toContain("needs an empty database");
      expect(contentsOf(await exported(place))).toEqual(before);
    }
  });

  test("a database that a server or a command uses", async () => {
    const [here, there] = [await sqlite(), await postgres()];
    const lock = new DatabaseSync(join(dirOf(here), "paybell.lock"));
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    expect(await refused(here, file)).toContain("Another Paybell server");
    lock.close();
    const store = await there.open();
    expect(await refused(there, file)).toContain("Stop all servers first");
    expect(await paybell(there, ["new-epoch"])).toMatchObject({ code: 1, err: expect.stringContaining("Stop all") });
    await store.close();
    await imported(there, file);
  });

  test("another mode", async () => {
    const target = await sqlite();
    expect(await refused(target, file, "--mode", "live")).toMatch(/sandbox mode[\s\S]+--mode sandbox/);
    await imported(target, file);
  });

  test.each([
    ["nothing", "", "nothing in it"],
    ["another file", "id,name\n1,x\n", "no export of Paybell's"],
    ["JSON of another kind", "{}\n", "no export of Paybell's"],
    ["another format", '{"paybellExport":99,"version":"9.9"}\n', "9.9"],
    ["half a head line", '{"paybellExport":1}\n', "not complete"],
  ])("%s", async (_, text, said) => {
    expect(await refused(await sqlite(), Buffer.from(text))).toContain(said);
  });

  test(`a file that was cut off anywhere (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const target = await sqlite();
    const ends = Array.from({ length: 20 }, () => Math.floor(random() * file.length));
    for (const end of [...ends, file.length - 1]) await refused(target, file.subarray(0, end));
    const packed = gzipSync(file);
    for (const end of ends.slice(0, 5)) {
      await refused(target, packed.subarray(0, Math.floor((end / file.length) * packed.length)));
    }
    // Whole lines, too.
    for (const kept of [1, 2, 10, lines().length - 1]) {
      expect(await refused(target, fileOf(lines().slice(0, kept)))).toContain("cut off");
    }
    expect(await isEmpty(target)).toBe(true);
    await imported(target, file);
  });

  test(`a file in which a byte is another one (seed ${SEED})`, async () => {
    const random = seededRandom(SEED + 1);
    for (const target of [await sqlite(), await postgres()]) {
      for (let times = 0; times < 15; times += 1) {
        const altered = Buffer.from(file);
        const at = Math.floor(random() * altered.length);
        altered[at] = (altered[at] as number) ^ (1 + Math.floor(random() * 255));
        await refused(target, altered);
      }
      expect(await isEmpty(target)).toBe(true);
    }
  });

  test("lines that were taken out, added or moved", async () => {
    const target = await sqlite();
    const all = lines();
    const payment = all.findIndex((line) => line.startsWith('{"table":"payments"')) + 1;
    const without = all.toSpliced(payment, 1);
    expect(await refused(target, fileOf(without))).toMatch(/payments has \d+ rows, and the head line says/);
    expect(await refused(target, fileOf([...all, "[]"]))).toContain("something follows the end line");
    const swapped = all.with(payment, all[payment + 1] as string).with(payment + 1, all[payment] as string);
    expect(await refused(target, fileOf(swapped))).toContain("checksum");
    expect(await isEmpty(target)).toBe(true);
  });

  test("a row that the database does not take, by its line", async () => {
    const all = lines();
    const product = all.findIndex((line) => line.startsWith('{"table":"products"')) + 1;
    const cells = JSON.parse(all[product] as string) as (string | number | null)[];
    const wrong = (at: number, cell: unknown) =>
      fileOf(all.with(product, JSON.stringify(cells.with(at, cell as string))));
    for (const target of [await sqlite(), await postgres()]) {
      // More are reserved than there are.
      expect(await refused(target, wrong(7, 1_000))).toContain(
        `standard input:${product + 1}: the database does not take`,
      );
      expect(await refused(target, wrong(2, null))).toContain(
        `standard input:${product + 1}: the database does not take`,
      );
      expect(await refused(target, wrong(6, 0.5))).toContain(
        `standard input:${product + 1}: products.stock is neither`,
      );
      expect(await refused(target, wrong(6, {}))).toContain(`standard input:${product + 1}: products.stock is neither`);
      expect(await isEmpty(target)).toBe(true);
    }
  });

  test.each(["{", "{}", "[null]"])("items that are none, by their line: %s", async (items) => {
    const all = lines();
    const order = all.findIndex((line) => line.includes('"reserved"') && line.includes("productId"));
    const cells = JSON.parse(all[order] as string) as string[];
    const broken = cells.map((cell) => (String(cell).includes("productId") ? items : cell));
    const said = await refused(await sqlite(), fileOf(all.with(order, JSON.stringify(broken))));
    expect(said).toContain(`standard input:${order + 1}: the items of this row of payments`);
  });

  test("a text that PostgreSQL cannot hold, by its line", async () => {
    const odd = await sqlite();
    const store = await odd.open();
    await store.merchants.createMerchant({ id: "shop", name: "a\u0000b", createdAtMs: 1, xpubs: {} });
    await store.close();
    expect(await refused(await postgres(), await exported(odd))).toMatch(/standard input:3: .*0x00/);
  });
});

describe("a database that does not agree with itself", () => {
  test.each([
    ['DELETE FROM log_records WHERE "offset" = 3', "the log should reach from 1 to"],
    ["UPDATE payments SET sequence = 9 WHERE amount IS NULL", "stands at another sequence than its newest record"],
    ["UPDATE log_records SET sequence = 7 WHERE sequence = 2", "have a gap"],
    ["UPDATE payments SET merchant_id = 'nobody'", "a merchant that is not there"],
    ["UPDATE products SET reserved = 1", "says that 1 are reserved, and orders hold 2"],
    ["UPDATE log_records SET id = 'evt_same' WHERE \"offset\" < 3", "two records have the id evt_same"],
    ["UPDATE log_records SET payment_id = 'none' WHERE \"offset\" = 2", "a payment that is not there"],
    ["UPDATE transfers SET merchant_id = 'other'", "the payment of another merchant"],
  ])("%s: is not imported", async (damage, said) => {
    const damaged = await sqlite();
    await imported(damaged, file);
    const database = new DatabaseSync(join(dirOf(damaged), "paybell.db"));
    database.exec(`PRAGMA foreign_keys = OFF; ${damage}`);
    database.close();
    const harmed = await exported(damaged);
    for (const target of [await sqlite(), await postgres()]) {
      expect(await refused(target, harmed)).toContain(said);
      expect(await isEmpty(target)).toBe(true);
    }
  });
});

test("an import that is killed has stored nothing, and can be done again", async () => {
  const large = await sqlite();
  const store = await large.open();
  for (let merchants = 0; merchants < 30; merchants += 1) await fill(store, `merchant-${merchants}`);
  await store.close();
  const big = join(dirOf(large), "big.jsonl");
  const bytes = await exported(large);
  writeFileSync(big, bytes);
  for (const target of [await sqlite(), await postgres()]) {
    const child = spawn(process.execPath, ["--conditions=@paybell/source", CLI, "import"], {
      env: { ...withoutPaybell(), ...target.environment },
      stdio: ["pipe", "ignore", "pipe"],
    });
    // All but the end: it waits for more, with everything stored and nothing committed.
    child.stdin?.write(bytes.subarray(0, -10));
    await new Promise<void>((resolve) => child.stdin?.write("", () => resolve()));
    child.kill("SIGKILL");
    await once(child, "close");
    await imported(target, bytes);
    expect(contentsOf(await exported(target)).lines).toEqual(contentsOf(bytes).lines);
  }
});

describe("paybell new-epoch", () => {
  test("ends the epoch, and passes over addresses that may have been given", async () => {
    for (const place of [await sqlite(), await postgres()]) {
      await imported(place, file);
      const before = contentsOf(await exported(place));
      const begun = await paybell(place, ["new-epoch", "--skip-addresses", "50"]);
      expect(begun).toMatchObject({ code: 0, err: expect.stringContaining(`Epoch ${before.epoch} ended at record`) });
      const after = contentsOf(await exported(place));
      expect([begun.out.toString(), after.epoch]).toEqual([`${after.epoch}\n`, after.epoch]);
      expect(after.epoch).not.toBe(before.epoch);
      const changed = after.lines.filter((line, at) => line !== before.lines[at]);
      expect(changed).toEqual(['["bitcoin","account",53,52]']);
      const store = await place.open();
      expect(await store.merchants.takeDerivationIndex("bitcoin", "account", 20)).toBe(53);
      await store.close();
    }
  });

  test("asks in live mode how many those are", async () => {
    const place = await sqlite();
    const asked = await paybell(place, ["new-epoch", "--mode", "live"]);
    expect(asked).toMatchObject({ code: 2, err: expect.stringContaining("--skip-addresses") });
    const wrong = await paybell(place, ["new-epoch", "--skip-addresses", "-1"]);
    expect(wrong).toMatchObject({ code: 2 });
    expect((await paybell(place, ["new-epoch", "--mode", "live", "--skip-addresses", "0"])).code).toBe(0);
  });
});
