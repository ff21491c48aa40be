/** identiPay's own limits: its clients are refused with its error message, then close 1013. */
import { expect } from "vitest";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import type { TestServer } from "../http/harness.ts";
import type { Edges, EdgeTable } from "./edge.ts";

type IdentipayLimit =
  | "identipayConnectionsPerMerchant"
  | "identipayConnectionsPerTransaction"
  | "identipayConnectionsPerAddress"
  | "identipayIdleMs";

const LIVE = { mode: "live", environment: { PAYBELL_TRUST_PROXY: "127.0.0.1" } } as const;

async function liveShop(at: Edges, limits: Parameters<Edges["start"]>[0]) {
  const server = await at.start(limits, LIVE);
  const { secret: key } = await server.merchant("shop");
  let made = 0;
  const transaction = async (): Promise<string> => {
    made += 1;
    const fields = { amount: "10", asset: "EXT", chain: "ext", address: `address-${made}` };
    return (await server.payment(fields, { key })).id;
  };
  return { server, transaction };
}

async function follow(at: Edges, server: TestServer, id: string, from = "198.51.100.1"): Promise<TestClient> {
  const client = await at.open(server, `/ws/transactions/${id}`, { "x-forwarded-for": from });
  await until("its first message", () => client.received.length > 0);
  return client;
}

async function expectTaken(client: TestClient): Promise<void> {
  expect(client.messages).toMatchObject([{ type: "status" }]);
}

async function expectRefused(client: TestClient, message: string): Promise<void> {
  expect(client.messages).toMatchObject([{ type: "error", message }]);
  expect((await client.closed).code).toBe(1013);
}

/** An SSE client hears the same, and is to come back later. */
async function expectSseRefused(at: Edges, server: TestServer, id: string, message: string, from: string) {
  const answer = await at.request(server, `/sse/transactions/${id}`, { "x-forwarded-for": from });
  const text = await answer.text();
  expect(text).toContain(`"message":"${message}"`);
  expect(text).toMatch(/^retry: 30000$/m);
}

export const identipayEdges: EdgeTable<IdentipayLimit> = {
  identipayConnectionsPerMerchant: async (at) => {
    const server = await at.start({ identipayConnectionsPerMerchant: 2 });
    const { id } = await server.payment();
    const first = await follow(at, server, id);
    await expectTaken(first);
    await expectTaken(await follow(at, server, (await server.payment()).id));
    const message = "Too many connections for this merchant";
    await expectRefused(await follow(at, server, id), message);
    await expectSseRefused(at, server, id, message, "198.51.100.1");
    const other = await server.merchant("other");
    await expectTaken(await follow(at, server, (await server.payment({}, { key: other.secret })).id));
    first.ws.close();
    await first.closed;
    await until("the place to be free", async () => (await follow(at, server, id)).messages[0]?.type === "status");
  },

  identipayConnectionsPerTransaction: async (at) => {
    const { server, transaction } = await liveShop(at, { identipayConnectionsPerTransaction: 2 });
    const id = await transaction();
    await expectTaken(await follow(at, server, id, "198.51.100.1"));
    await expectTaken(await follow(at, server, id, "198.51.100.2"));
    const message = "Too many connections for this transaction";
    await expectRefused(await follow(at, server, id, "198.51.100.3"), message);
    await expectSseRefused(at, server, id, message, "198.51.100.4");
    await expectTaken(await follow(at, server, await transaction(), "198.51.100.3"));
  },

  identipayConnectionsPerAddress: async (at) => {
    const { server, transaction } = await liveShop(at, { identipayConnectionsPerAddress: 2 });
    for (let opened = 0; opened < 2; opened += 1) await expectTaken(await follow(at, server, await transaction()));
    const id = await transaction();
    const message = "Too many connections from this address";
    await expectRefused(await follow(at, server, id), message);
    await expectSseRefused(at, server, id, message, "198.51.100.1");
    await expectTaken(await follow(at, server, id, "198.51.100.2"));
  },

  identipayIdleMs: async (at) => {
    // Everybody is looked at every 50 ms; a ping shows that it happened.
    const server = await at.start({ identipayIdleMs: 1_000, pingIntervalMs: 300 });
    const client = await follow(at, server, (await server.payment()).id);
    at.clock.advance(999);
    await until("the ping", () => client.pings === 1);
    expect(client.ws.readyState).toBe(client.ws.OPEN);
    at.clock.advance(1);
    expect(await client.closed).toEqual({ code: 4101, reason: "idle_timeout" });
  },
};
