/**
 * Three server processes on one PostgreSQL behind a load balancer, with clients of every wire and payments under way: each
 * is restarted in turn, as a deploy does it. Every client comes back by its own logic alone, nothing is lost, cursor clients
 * have nothing twice, every payment has one history.
 */
import { afterEach, expect, test } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { PUSHER_VERSIONS } from "../../testkit/clients/pusher-js.ts";
import { LoadBalancer } from "../../testkit/load-balancer.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { RestartCast } from "../../testkit/restart-cast.ts";
import { RestartTill } from "../../testkit/restart-till.ts";
import { ServerProcess } from "../../testkit/server-process.ts";

const KEY = "sk_sandbox_paybell";
const PAYMENTS = 90;
const WELL = { code: 0, signal: null };

const postgres = usePostgres();
let nodes: ServerProcess[] = [];
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.dispose()));
});

/** So many processes on a database of their own. */
async function startNodes(count: number): Promise<ServerProcess[]> {
  const env = { PAYBELL_DATABASE_URL: await postgres().createDatabase() };
  const options = { env, readyTimeoutMs: 120_000, stopTimeoutMs: 60_000 };
  // The first one migrates; the others must not wait for it at their start.
  nodes = [await ServerProcess.start(options)];
  const others = Array.from({ length: count - 1 }, () => ServerProcess.start(options));
  nodes.push(...(await Promise.all(others)));
  return nodes;
}

async function open(targets: readonly ServerProcess[], pusherVersions: readonly string[]) {
  const balancer = await LoadBalancer.before(...targets.map(({ port }) => port));
  const till = new RestartTill(new Api(balancer.url), PAYMENTS);
  const { customers, references } = till;
  const after = await till.start();
  const cast = new RestartCast(balancer, {
    key: KEY,
    after,
    customers,
    references,
    pusherVersions,
    patientPusher: true,
  });
  return { balancer, till, cast };
}

/** Of the payments of this test, in order. */
async function expectWholeHistories(till: RestartTill): Promise<void> {
  const log = await till.log();
  for (const { id } of till.payments) {
    const history = log.filter(({ paymentId }) => paymentId === id);
    expect(history.map(({ sequence }) => sequence)).toEqual(history.map((_event, nth) => nth + 1));
    expect(history.filter(({ type }) => type === "payment.paid")).toHaveLength(1);
    expect(history.at(-1)?.data.payment?.status).toBe("final");
  }
}

test("the node that watches the chain is told to stop: its clients go to the other node, in every version of their library", {
  timeout: 400_000,
}, async () => {
  const [leaver, other] = (await startNodes(2)) as [ServerProcess, ServerProcess];
  const { balancer, till, cast } = await open([leaver], Object.keys(PUSHER_VERSIONS));
  try {
    await cast.connected();
    const running = till.run();
    await till.made(PAYMENTS / 3);
    const followed = await till.create();
    cast.follow(followed);
    await cast.connected();
    balancer.targets = [leaver.port, other.port];
    expect(await leaver.stop()).toEqual(WELL);
    await till.settle(followed);
    await running;
    await till.finish();
    await cast.connected(2);
    await cast.expectHeard(await till.log());
    await expectWholeHistories(till);
  } finally {
    await cast.stop();
    await balancer.close();
  }
});

test("each of three nodes is restarted in turn, under load: nothing is lost, nothing is doubled", {
  timeout: 400_000,
}, async () => {
  const { balancer, till, cast } = await open(await startNodes(3), ["newest"]);
  try {
    await cast.connected();
    const running = till.run();
    for (const [nth, node] of nodes.entries()) {
      await till.made((PAYMENTS * (nth + 1)) / (nodes.length + 1));
      const followed = await till.create();
      cast.follow(followed);
      await cast.connected();
      expect(await node.stop()).toEqual(WELL);
      await till.settle(followed);
      await node.restart();
    }
    await running;
    await till.finish();
    await cast.expectHeard(await till.log());
    await expectWholeHistories(till);
    // All of them have served.
    expect([...balancer.passed.keys()].sort()).toEqual(nodes.map(({ port }) => port).sort());
  } finally {
    await cast.stop();
    await balancer.close();
  }
});
