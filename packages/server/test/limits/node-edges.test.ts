/**
 * Limits that are counted over all nodes, at their edge: two whole servers on one database. Who comes slowly is refused at
 * the limit, whichever of them he comes to. By how much a rush can pass it: `test/kit/node-counts.test.ts`.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { LIMITS, type LimitSpec, type Limits } from "../../src/kit/limits.ts";
import type { SharedLimit } from "../../src/kit/node-counts.ts";
import { type PostgresServer, startPostgres } from "../../testkit/postgres.ts";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import type { TestServer } from "../http/harness.ts";
import { Edges } from "./edge.ts";

let postgres: PostgresServer;
let at: Edges;
let url: string;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  at = new Edges();
  url = await postgres.createDatabase();
  at.onEnd(() => postgres.dropDatabase(url));
});
afterEach(() => at.end());

async function start(limits: Partial<Limits>, mode: "sandbox" | "live" = "sandbox", file = {}): Promise<TestServer> {
  return at.start(limits, { mode, file, environment: { PAYBELL_DATABASE_URL: url, PAYBELL_TRUST_PROXY: "127.0.0.1" } });
}

/** Somebody who wants in: how he comes, and whether he was let in. */
interface Visit {
  client: TestClient;
  isTaken: boolean;
}
type Visitor = (node: TestServer) => Promise<Visit>;

async function leave({ client }: Visit): Promise<void> {
  client.terminate();
  await client.closed;
}

/** He comes again and again until it is as it should be; whoever is let in too early leaves again. */
async function comes(visitor: Visitor, node: TestServer, wanted: "taken" | "refused"): Promise<Visit> {
  return until(`he is ${wanted}`, async () => {
    const visit = await visitor(node);
    if (visit.isTaken === (wanted === "taken")) return visit;
    await leave(visit);
    return null;
  });
}

/** Two are allowed, one on each node; the third is refused on either until one leaves. */
async function expectEdge(visitor: Visitor, [a, b]: readonly [TestServer, TestServer]): Promise<void> {
  const first = await visitor(a);
  const second = await visitor(b);
  expect([first.isTaken, second.isTaken]).toEqual([true, true]);
  await leave(await comes(visitor, a, "refused"));
  await leave(await comes(visitor, b, "refused"));
  await leave(second);
  const third = await comes(visitor, a, "taken");
  await leave(await comes(visitor, b, "refused"));
  await leave(first);
  await leave(third);
  const again = [await comes(visitor, b, "taken"), await comes(visitor, b, "taken")];
  await leave(await comes(visitor, a, "refused"));
  for (const visit of again) await leave(visit);
}

/** A WebSocket at the native stream, refused before the upgrade or let in. */
const streamFrom =
  (address: string): Visitor =>
  async (node) => {
    const client = at.socket(node, "/v1/stream", { "x-forwarded-for": address });
    const isTaken = await client.opened.then(
      () => true,
      () => false,
    );
    return { client, isTaken };
  };

const subscribing =
  (paymentId: string): Visitor =>
  async (node) => {
    const client = await at.open(node, "/v1/stream");
    client.send({ type: "subscribe", topic: `payment:${paymentId}` });
    await until("the answer", () => client.received.length > 0);
    return { client, isTaken: client.messages[0]?.type === "subscribed" };
  };

const identipay =
  (paymentId: () => Promise<string>, address: () => string): Visitor =>
  async (node) => {
    const headers = { "x-forwarded-for": address() };
    const client = await at.open(node, `/ws/transactions/${await paymentId()}`, headers);
    await until("its first message", () => client.received.length > 0);
    return { client, isTaken: client.messages[0]?.type === "status" };
  };

async function liveShop(limits: Partial<Limits>) {
  const nodes = [await start(limits, "live"), await start(limits, "live")] as const;
  const { secret: key } = await nodes[0].merchant("shop");
  let made = 0;
  const transaction = async (): Promise<string> => {
    made += 1;
    const fields = { amount: "10", asset: "EXT", chain: "ext", address: `address-${made}` };
    return (await nodes[0].payment(fields, { key })).id;
  };
  let addresses = 0;
  const address = () => {
    addresses += 1;
    return `198.51.${100 + Math.floor(addresses / 200)}.${1 + (addresses % 200)}`;
  };
  return { nodes, transaction, address };
}

const EDGES: Readonly<Record<SharedLimit, () => Promise<void>>> = {
  connectionsPerAddress: async () => {
    const limits = { connectionsPerAddress: 2 };
    const nodes = [await start(limits), await start(limits)] as const;
    await expectEdge(streamFrom("2001:db8:1:2::1"), nodes);
    expect((await streamFrom("2001:db8:1:3::1")(nodes[0])).isTaken).toBe(true);
  },

  connectionsPerMerchant: async () => {
    const limits = { connectionsPerMerchant: 2 };
    const nodes = [await start(limits), await start(limits)] as const;
    const { id } = await nodes[0].payment();
    await expectEdge(subscribing(id), nodes);
  },

  identipayConnectionsPerMerchant: async () => {
    const { nodes, transaction, address } = await liveShop({ identipayConnectionsPerMerchant: 2 });
    await expectEdge(identipay(transaction, address), nodes);
  },

  identipayConnectionsPerTransaction: async () => {
    const { nodes, transaction, address } = await liveShop({ identipayConnectionsPerTransaction: 2 });
    const id = await transaction();
    await expectEdge(
      identipay(async () => id, address),
      nodes,
    );
  },

  identipayConnectionsPerAddress: async () => {
    const { nodes, transaction } = await liveShop({ identipayConnectionsPerAddress: 2 });
    await expectEdge(
      identipay(transaction, () => "198.51.100.7"),
      nodes,
    );
  },
};

it("every limit over all nodes has an edge", () => {
  const shared = Object.entries<LimitSpec>(LIMITS).filter(([, { overNodes }]) => overNodes);
  expect(shared.map(([name]) => name).sort()).toEqual(Object.keys(EDGES).sort());
});

it.each(Object.entries(EDGES))("over two nodes exactly what is allowed is taken: %s", (_, edge) => edge(), 180_000);

it("the places of a node that stops are free before its clients come, and its end is known", async () => {
  const limits = { connectionsPerAddress: 2 };
  const visitor = streamFrom("198.51.100.7");
  const stays = await start(limits);
  const stops = await start(limits, "sandbox", { drainMs: 20_000 });
  const nodesSeen = async () => (await stays.get("/readyz")).json.nodes;
  await until("both are known", async () => (await nodesSeen()) === 2);
  expect((await stays.get("/metrics")).text).toMatch(/^paybell_nodes 2$/m);
  const clients = [await visitor(stops), await visitor(stops)].map(({ client }) => client);
  await leave(await comes(visitor, stays, "refused"));
  const stopped = stops.stop();
  expect(await Promise.race(clients.map(({ closed }) => closed))).toMatchObject({ code: 1012 });
  // Not one place, as the other is still held over there.
  await comes(visitor, stays, "taken");
  await comes(visitor, stays, "taken");
  expect(clients.filter(({ ws }) => ws.readyState === ws.OPEN)).toHaveLength(1);
  expect(await nodesSeen()).toBe(1);
  await stopped;
}, 180_000);
