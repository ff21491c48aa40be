/** Who watches the chain when the node that does is killed, paused or stopped; and that nothing is lost or told twice. */
import type { MerchantPayment, PaymentEvent } from "@paybell/protocol";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type LiveNode, LiveNodes } from "../testkit/live-nodes.ts";
import { usePostgres } from "../testkit/postgres.ts";
import { until } from "../testkit/until.ts";

const AMOUNT = "100000";
/** The default time of a lease, within which a node that ended without a word is replaced, and some for a loaded machine. */
const HANDOVER_MS = 15_000;

const server = usePostgres();
let url: string;
let live: LiveNodes;
let database: pg.Client;
let leader: LiveNode;
let others: readonly LiveNode[];

beforeAll(async () => {
  url = await server().createDatabase();
  live = await LiveNodes.start([url, url]);
  database = new pg.Client({ connectionString: url });
  await database.connect();
}, 120_000);
afterAll(async () => {
  await database.end();
  await live.stop();
  await server().dropDatabase(url);
});
beforeEach(async () => {
  leader = await live.leader();
  others = live.nodes.filter((node) => node !== leader);
});

const other = () => others[0] as LiveNode;

const create = (node: LiveNode) => node.api.createPayment({ amount: AMOUNT, asset: "BTC", chain: "bitcoin" });
const pay = ({ address }: MerchantPayment) =>
  live.bitcoind.pay([{ address: address as string, amountAtomic: BigInt(AMOUNT) }]);

async function historyWith(type: string, { id }: MerchantPayment, node: LiveNode): Promise<PaymentEvent[]> {
  return until(`${type} of ${id}`, async () => {
    const history = await node.api.allEvents(id).catch(() => []);
    return history.some((event) => event.type === type) && history;
  });
}

/** The whole life, in order, each event once. */
async function expectWhole(payment: MerchantPayment, node: LiveNode): Promise<void> {
  const history = await historyWith("payment.finalized", payment, node);
  expect(history.map(({ sequence }) => sequence)).toEqual(history.map((_, at) => at + 1));
  const steps = ["payment.created", "payment.confirming", "payment.paid", "payment.finalized"];
  expect(history.map(({ type }) => type).filter((type) => steps.includes(type))).toEqual(steps);
  expect(new Set(history.map(({ id }) => id)).size).toBe(history.length);
}

async function tokenOf(): Promise<number> {
  const { rows } = await database.query("SELECT token FROM leases WHERE lease = 'watch bitcoin'");
  return Number(rows[0].token);
}

test("of two nodes one watches; the other says so and is ready, and what it creates is watched too", async () => {
  expect(await live.chainOf(other())).toEqual({
    ...{ chain: "bitcoin", role: "standby", connected: null, headHeight: null, lagBlocks: null, problem: null },
  });
  expect((await fetch(`${other().server.url}/readyz`)).status).toBe(200);
  const payment = await create(other());
  await pay(payment);
  await historyWith("payment.confirming", payment, other());
  await live.bitcoind.mine(7);
  await expectWhole(payment, other());
}, 60_000);

test("kill -9 of the node that watches: another one does, within the time of a lease", async () => {
  const [before, token] = [await create(leader), await tokenOf()];
  await pay(before);
  await historyWith("payment.confirming", before, other());
  const killedAtMs = performance.now();
  await leader.server.kill9();
  await live.bitcoind.mine(1);
  expect(await live.leader(others)).toBe(other());
  const tookMs = performance.now() - killedAtMs;
  process.stdout.write(`hand-over after kill -9: ${Math.round(tookMs)} ms\n`);
  expect(tookMs).toBeLessThan(HANDOVER_MS);
  expect(await tokenOf()).toBeGreaterThan(token);
  const after = await create(other());
  await pay(after);
  await live.bitcoind.mine(7);
  for (const payment of [before, after]) await expectWhole(payment, other());
  await leader.server.restart();
  expect(await live.chainOf(leader)).toMatchObject({ role: "standby", problem: null });
}, 90_000);

test("a node that was paused past its lease and goes on writes nothing more, and stands by", async () => {
  const before = await create(leader);
  await pay(before);
  await historyWith("payment.confirming", before, other());
  const pid = leader.server.pid as number;
  const pausedAtMs = performance.now();
  process.kill(pid, "SIGSTOP");
  await live.bitcoind.mine(1);
  try {
    expect(await live.leader(others)).toBe(other());
    process.stdout.write(`hand-over after SIGSTOP: ${Math.round(performance.now() - pausedAtMs)} ms\n`);
    const meanwhile = await create(other());
    await pay(meanwhile);
    await historyWith("payment.confirming", meanwhile, other());
    const token = await tokenOf();
    process.kill(pid, "SIGCONT");
    await live.bitcoind.mine(7);
    await until("it stands by", async () => (await live.chainOf(leader))?.role === "standby");
    for (const payment of [before, meanwhile]) await expectWhole(payment, leader);
    expect(await tokenOf()).toBe(token);
    expect(await live.leader()).toBe(other());
  } finally {
    process.kill(pid, "SIGCONT");
  }
}, 90_000);

test("a node that is stopped hands over at once", async () => {
  const payment = await create(leader);
  await pay(payment);
  await historyWith("payment.confirming", payment, other());
  const stopped = leader.server.stop();
  await until("it has let go", async () => (await live.chainOf(leader))?.role !== "leader");
  const releasedAtMs = performance.now();
  expect(await live.leader(others)).toBe(other());
  const tookMs = performance.now() - releasedAtMs;
  process.stdout.write(`hand-over after SIGTERM: ${Math.round(tookMs)} ms\n`);
  expect(await stopped).toEqual({ code: 0, signal: null });
  await live.bitcoind.mine(7);
  await expectWhole(payment, other());
  await leader.server.restart();
}, 90_000);
