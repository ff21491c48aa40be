/** Tributary's limits, and how far back a wire without a cursor looks. */
import { expect } from "vitest";
import { TributaryClient } from "../../testkit/clients/tributary-client.ts";
import { until } from "../../testkit/until.ts";
import type { TestServer } from "../http/harness.ts";
import type { Edges, EdgeTable } from "./edge.ts";

type TributaryLimit = "replayRecords" | "tributarySubscriptionsPerConnection";

async function open(at: Edges, server: TestServer): Promise<TributaryClient> {
  const client = await TributaryClient.open(server.url);
  at.onEnd(() => client.close());
  return client;
}

const subscribed = (id: string) => `Subscribed to trackingId: ${id}`;

export const tributaryEdges: EdgeTable<TributaryLimit> = {
  tributarySubscriptionsPerConnection: async (at) => {
    const server = await at.start({ tributarySubscriptionsPerConnection: 2 });
    const client = await open(at, server);
    expect(await client.subscribe("a")).toBe(subscribed("a"));
    expect(await client.subscribe("b")).toBe(subscribed("b"));
    expect(await client.subscribe("b")).toBe(subscribed("b"));
    expect(await client.subscribe("c")).toBe(
      "CONNECTION_ERROR: WebSocket connection error: This connection follows 2 tracking IDs, and may no more.",
    );
    expect(client.io.disconnects).toEqual([]);
    await client.unsubscribe("a");
    expect(await client.subscribe("c")).toBe(subscribed("c"));
  },

  replayRecords: async (at) => {
    // The payment is executed in the fourth of its records from the end.
    expect(await toldOf(at, 4)).toBe(true);
    expect(await toldOf(at, 3)).toBe(false);
  },
};

/** Is what was executed four records ago told to a client that comes now? */
async function toldOf(at: Edges, replayRecords: number): Promise<boolean> {
  const server = await at.start({ replayRecords });
  const { id } = await server.payment({ reference: "a", confirmations: 0 });
  await server.post("/v1/sandbox/pay", { paymentId: id });
  const { json } = await server.get(`/v1/events?paymentId=${id}`);
  const types: string[] = json.events.map(({ type }: { type: string }) => type);
  for (let more = types.length - types.indexOf("payment.paid"); more < 4; more += 1) {
    await server.post(`/v1/payments/${id}/delivery`, { to: more % 2 === 0 ? "on_hold" : "processing" });
  }
  const client = await open(at, server);
  await client.subscribe("a");
  const last = await server.payment({ reference: "a", confirmations: 0 });
  const { txId } = (await server.post("/v1/sandbox/pay", { paymentId: last.id })).json;
  await until("the last payment", () => client.signatures.includes(txId));
  return client.payments.length === 2;
}
