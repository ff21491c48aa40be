/**
 * The commands of docs/guides/backup-and-moving.md, as they stand there: backups that are taken under load, a disaster, a
 * restore, and clients that come back; and the move. FAULT_SEED repeats a run.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { PaymentEvent } from "@paybell/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROGRAMS, requireProgram } from "../../../../tools/provision/programs.ts";
import { Api, ApiError } from "../../testkit/clients/api.ts";
import { StreamDiary } from "../../testkit/clients/stream-diary.ts";
import { GuideCommands } from "../../testkit/guide-commands.ts";
import { contentsOf, exported, type Place } from "../../testkit/moving.ts";
import { type PostgresServer, startPostgres } from "../../testkit/postgres.ts";
import { audit, RandomTrade } from "../../testkit/random-trade.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const KEY = "sk_sandbox_paybell";

let postgres: PostgresServer;
let guide: GuideCommands;
let directory: string;

beforeAll(async () => {
  const pgDump = requireProgram(PROGRAMS.pgDump);
  const bin = dirname(pgDump);
  // A dump is made by programs that are as new as the server.
  postgres = await startPostgres(bin);
  directory = await mkdtemp(join(tmpdir(), "paybell-guide-"));
  const programs = { pg_dump: pgDump, pg_restore: join(bin, "pg_restore"), sqlite3: requireProgram(PROGRAMS.sqlite3) };
  guide = new GuideCommands("docs/guides/backup-and-moving.md", programs);
});
afterAll(async () => {
  guide.dispose();
  await postgres.stop();
  await rm(directory, { recursive: true });
});

const newDirectory = () => mkdtemp(join(directory, "place-"));
const placeAt = (environment: Record<string, string>): Pick<Place, "environment"> => ({ environment });
const contents = async (environment: Record<string, string>) =>
  contentsOf(await exported(placeAt(environment) as Place));

/** Payments and orders without end, until told to stop. */
function load(api: Api, trade: RandomTrade): { stop(): Promise<void> } {
  let isStopped = false;
  const running = (async () => {
    while (!isStopped) await trade.steps(api, 1);
  })();
  return {
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

interface Disaster {
  /** Of the place that was lost. */
  environment: Record<string, string>;
  /** Of the place that is restored. */
  restored: Record<string, string>;
  backup: string;
  restore: string;
  destroy(): Promise<void>;
}

/** What `trade` knows of payments that the restored log does not. */
function forget(trade: RandomTrade, log: readonly PaymentEvent[]): string[] {
  const known = new Set(log.map(({ paymentId }) => paymentId));
  const erased = new Set(log.filter(({ type }) => type === "payment.erased").map(({ paymentId }) => paymentId));
  const lost = trade.ids.filter((id) => !known.has(id));
  trade.ids.splice(0, trade.ids.length, ...trade.ids.filter((id) => known.has(id)));
  for (const id of trade.erased) if (!erased.has(id)) trade.erased.delete(id);
  return lost;
}

async function drill({ environment, restored, backup, restore, destroy }: Disaster): Promise<void> {
  const trade = new RandomTrade(seededRandom(SEED));
  const before = await ServerProcess.start({ env: environment });
  const api = new Api(before.url, KEY);
  await trade.open(api);
  const followed = await api.createPayment();
  await api.pay(followed.id);
  const ofPayment = new StreamDiary({ wsUrl: before.wsUrl, key: null, topic: `payment:${followed.id}` });
  const ofMerchant = new StreamDiary({ wsUrl: before.wsUrl, key: KEY, topic: "merchant:sandbox" });
  await until("they listen", () => [ofPayment, ofMerchant].every(({ after }) => after !== undefined));
  await trade.steps(api, 20);

  const underLoad = load(api, trade);
  const BACKUP_DIR = await newDirectory();
  const variables = { ...environment, BACKUP_DIR, NEW_DATABASE_URL: restored.PAYBELL_DATABASE_URL ?? "" };
  await guide.run(backup, variables);
  await until("more happens", () => trade.ids.length > 5);
  await underLoad.stop();
  const beyond = [await api.createPayment(), await api.createPayment()];
  const whole = await api.allEvents();
  await until("it is told", () => ofMerchant.events.at(-1)?.id === whole.at(-1)?.id);
  const cursor = ofMerchant.after as string;
  await before.kill9();
  await destroy();

  expect(await guide.run(restore, variables)).toContain("cursor_expired from now on");
  const heard = ofPayment.messages.length;
  const { port } = before;
  await before.dispose();
  const after = await ServerProcess.start({ port, env: restored });
  const log = await api.allEvents();
  const withoutPosition = ({ position: _, ...event }: PaymentEvent) => event;
  // The server goes on at once: what it has added since is of the new epoch.
  const epochOf = ({ id }: PaymentEvent) => id.slice(0, id.lastIndexOf("_"));
  const kept = log.filter((event) => epochOf(event) === epochOf(whole[0] as PaymentEvent));
  expect(kept.length).toBeLessThan(whole.length);
  expect(kept.map(withoutPosition)).toEqual(whole.slice(0, kept.length).map(withoutPosition));
  await expect(api.call("GET", `/v1/events?after=${cursor}`)).rejects.toMatchObject({ code: "cursor_expired" });
  await until("a snapshot", () => ofPayment.kinds.slice(heard).includes("snapshot"));
  expect(ofPayment.kinds.slice(heard)).toEqual(["cursor_expired", "subscribed", "snapshot"]);
  await until("the merchant's", () => ofMerchant.kinds.includes("cursor_expired"));

  const lost = [...forget(trade, log), ...beyond.map(({ id }) => id)];
  for (const id of lost) {
    await expect(api.payment(id)).rejects.toSatisfy((error) => error instanceof ApiError && error.status === 404);
  }
  // Those of the lost ones would come first, in the order in which they were given.
  const given = beyond.map(({ address }) => address);
  for (let made = 0; made < lost.length + 20; made += 1) {
    expect(given).not.toContain((await api.createPayment()).address);
  }
  await trade.steps(api, 30);
  await api.mine(6);
  await until("it is final", async () => (await api.payment(followed.id)).status === "final");
  await until("it is told", () => ofPayment.events.at(-1)?.data.payment?.status === "final");
  const now = await audit(api, trade);
  await until("the merchant's client", () => ofMerchant.events.at(-1)?.id === now.at(-1)?.id);
  const ids = new Set([...whole, ...now].map(({ id, type, at }) => `${id} ${type} ${at}`));
  // No id was given to another event than before.
  expect(new Set([...ids].map((line) => line.split(" ")[0])).size).toBe(ids.size);
  for (const diary of [ofPayment, ofMerchant]) diary.stop();
  expect((await after.stop()).code).toBe(0);
  await after.dispose();
  // An import looks at every sequence, offset and count.
  await guide.run("drill", { ...restored, DRILL_DIR: await newDirectory() });
}

test(`SQLite: a backup under load, the directory is lost, and a restore (seed ${SEED})`, async () => {
  const environment = { PAYBELL_DATA_DIR: join(await newDirectory(), "data") };
  const destroy = () => rm(environment.PAYBELL_DATA_DIR, { recursive: true });
  await drill({ environment, restored: environment, backup: "sqlite-backup", restore: "sqlite-restore", destroy });
}, 300_000);

test(`PostgreSQL: a dump under load, the database is lost, and a restore (seed ${SEED})`, async () => {
  const [lost, fresh] = [await postgres.createDatabase(), await postgres.createDatabase()];
  await drill({
    environment: { PAYBELL_DATABASE_URL: lost },
    restored: { PAYBELL_DATABASE_URL: fresh },
    backup: "postgres-backup",
    restore: "postgres-restore",
    destroy: () => postgres.dropDatabase(lost),
  });
  await postgres.dropDatabase(fresh);
}, 300_000);

test("the move: by a file, and through a pipe", async () => {
  const environment = { PAYBELL_DATA_DIR: join(await newDirectory(), "data") };
  const trade = new RandomTrade(seededRandom(SEED));
  const server = await ServerProcess.start({ env: environment });
  await trade.open(new Api(server.url, KEY));
  await trade.steps(new Api(server.url, KEY), 30);
  await server.stop();
  await server.dispose();
  const before = await contents(environment);
  for (const name of ["move", "move-by-pipe"]) {
    const NEW_DATABASE_URL = await postgres.createDatabase();
    const said = await guide.run(name, { ...environment, NEW_DATABASE_URL, BACKUP_DIR: await newDirectory() });
    expect(said).toContain("The database it came from must not be used any more");
    const after = await contents({ PAYBELL_DATABASE_URL: NEW_DATABASE_URL });
    expect({ ...after, epoch: "" }).toEqual({ ...before, epoch: "" });
    await postgres.dropDatabase(NEW_DATABASE_URL);
  }
}, 300_000);

test("the schema is brought along by a command; nothing of the guide is left out here", async () => {
  const PAYBELL_DATA_DIR = join(await newDirectory(), "data");
  expect(await guide.run("migrate", { PAYBELL_DATA_DIR })).toContain("Applied");
  expect(await guide.run("migrate", { PAYBELL_DATA_DIR })).toContain("up to date");
  const tried = ["sqlite-backup", "sqlite-restore", "postgres-backup", "postgres-restore", "move", "move-by-pipe"];
  expect(guide.names.sort()).toEqual([...tried, "migrate", "drill"].sort());
});
