/**
 * What a commit costs on SQLite and on PostgreSQL, in the same minute on the same disk:
 * `node --conditions=@paybell/source bench/stores.ts [seconds]`, about a minute.
 *
 * Each caller has payments of its own and changes them one after the other, each change with a transfer and a record under
 * two topics. `singly`: one caller. `grouped`: many at once, as commits share a sync. `two`: two processes' worth of
 * instances on one database.
 */
import { rm } from "node:fs/promises";
import { startPostgres } from "../packages/server/testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../packages/server/testkit/postgres-home.ts";
import { openSqlite, storesOn, temporaryDir } from "../packages/server/testkit/sqlite-home.ts";
import type { OpenStore } from "../packages/server/testkit/storing/home.ts";
import {
  change,
  creation,
  recordsIn,
  samplePayment,
  sampleTransfer,
} from "../packages/server/testkit/storing/samples.ts";

const SECONDS = Number(process.argv[2] ?? 3);
const CALLERS = 500;
const CHANGES_PER_PAYMENT = 5;

interface Figure {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

async function changePayments({ log }: OpenStore, untilMs: number, tookMs: number[]): Promise<void> {
  while (performance.now() < untilMs) {
    let command = creation(samplePayment());
    for (let changes = 0; changes <= CHANGES_PER_PAYMENT; changes += 1) {
      const startedMs = performance.now();
      recordsIn(await log.append([command]));
      tookMs.push(performance.now() - startedMs);
      command = change(command.payment, {}, { transfers: [sampleTransfer(command.payment)] });
    }
  }
}

async function measure(stores: readonly OpenStore[], callers: number): Promise<Figure> {
  const warmUpMs: number[] = [];
  await Promise.all(stores.map((store) => changePayments(store, performance.now() + 500, warmUpMs)));
  const tookMs: number[] = [];
  const startedMs = performance.now();
  const untilMs = startedMs + SECONDS * 1_000;
  await Promise.all(
    Array.from({ length: callers }, (_, nth) =>
      changePayments(stores[nth % stores.length] as OpenStore, untilMs, tookMs),
    ),
  );
  const seconds = (performance.now() - startedMs) / 1_000;
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => tookMs[Math.floor(tookMs.length * share)] ?? 0;
  return { perSecond: tookMs.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

const row = (name: string, { perSecond, p50Ms, p99Ms }: Figure) =>
  console.log(
    `${name.padEnd(22)} ${perSecond.toFixed(0).padStart(7)} /s   p50 ${p50Ms.toFixed(2)} ms   p99 ${p99Ms.toFixed(2)} ms`,
  );

const server = await startPostgres();
const dataDir = await temporaryDir();
const url = await server.createDatabase();
const sqlite = storesOn(await openSqlite(dataDir));
const postgres = [postgresStoresOn(await openPostgres(url)), postgresStoresOn(await openPostgres(url))];
const [first] = postgres as [OpenStore, OpenStore];
try {
  for (const round of [1, 2]) {
    console.log(`round ${round}, ${SECONDS} s each, ${CALLERS} callers`);
    row("SQLite, singly", await measure([sqlite], 1));
    row("PostgreSQL, singly", await measure([first], 1));
    row("SQLite, grouped", await measure([sqlite], CALLERS));
    row("PostgreSQL, grouped", await measure([first], CALLERS));
    row("PostgreSQL, two", await measure(postgres, CALLERS));
  }
} finally {
  await sqlite.close();
  for (const store of postgres) await store.close();
  await server.stop();
  await rm(dataDir, { recursive: true });
}
