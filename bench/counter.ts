/**
 * How long a commit to PostgreSQL takes with so many commands in it, one after the other from one caller:
 * `node --conditions=@paybell/source bench/counter.ts [seconds]`, about half a minute.
 *
 * The row that counts the log is held for less than that, from the writing of the records to the end of the commit; so these
 * are bounds: no more records a second can be written to one log, by however many nodes. Each command changes a payment of
 * its own, with a transfer and a record under two topics.
 */
import { startPostgres } from "../packages/server/testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../packages/server/testkit/postgres-home.ts";
import {
  change,
  creation,
  recordsIn,
  samplePayment,
  sampleTransfer,
} from "../packages/server/testkit/storing/samples.ts";
import { spread } from "./statistics.ts";

const SECONDS = Number(process.argv[2] ?? 4);
const GROUPS = [1, 20, 200, 1_000];
const TIMES_MIN = 8;
/** Of the times, those before V8 and PostgreSQL are warm. */
const WARM_UP_SHARE = 1 / 4;

const server = await startPostgres();
const { log, close } = postgresStoresOn(await openPostgres(await server.createDatabase()));
try {
  console.log("commands/commit   ms/commit   µs/command   commands/s");
  for (const group of GROUPS) {
    const tookMs = await commits(group);
    const { median } = spread(tookMs.slice(Math.ceil(tookMs.length * WARM_UP_SHARE)));
    const figures = [median.toFixed(2), ((median * 1_000) / group).toFixed(0), ((group / median) * 1_000).toFixed(0)];
    console.log([`${group}`.padStart(15), ...figures.map((figure) => figure.padStart(11))].join(" "));
  }
} finally {
  await close();
  await server.stop();
}

async function commits(group: number): Promise<number[]> {
  const tookMs: number[] = [];
  const untilMs = performance.now() + SECONDS * 1_000;
  while (performance.now() < untilMs || tookMs.length < TIMES_MIN) {
    const created = Array.from({ length: group }, () => creation(samplePayment()));
    recordsIn(await log.append(created));
    const changed = created.map(({ payment }) => change(payment, {}, { transfers: [sampleTransfer(payment)] }));
    const startedMs = performance.now();
    recordsIn(await log.append(changed));
    tookMs.push(performance.now() - startedMs);
  }
  return tookMs;
}
