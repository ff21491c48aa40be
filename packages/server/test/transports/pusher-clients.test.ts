/** The official client at three versions, in Node, over ws:// and wss://. */
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { PUSHER_VERSIONS, PusherJsClient } from "../../testkit/clients/pusher-js.ts";
import { PusherServer } from "../../testkit/pusher-server.ts";
import { selfSigned } from "../../testkit/self-signed.ts";
import type { TransportServerOptions } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const tls = selfSigned();
const trusted = getCACertificates("default");
const VERSIONS = Object.keys(PUSHER_VERSIONS);
const EVENT = { name: "PAID", data: '{"amount":"1","text":"Grüße ✓"}' };
const TOLD = { amount: "1", text: "Grüße ✓" };

let server: PusherServer;
const clients: PusherJsClient[] = [];

beforeAll(() => setDefaultCACertificates([...trusted, tls.cert]));
afterAll(() => setDefaultCACertificates(trusted));
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
  expect(server.errors).toEqual([]);
});

async function serve(options: TransportServerOptions = {}, port = 0): Promise<void> {
  server = new PusherServer(options);
  await server.listen(port);
}

function client(version: string, options: { useTLS?: boolean; key?: string } = {}): PusherJsClient {
  const made = new PusherJsClient(version, server.port, options);
  clients.push(made);
  return made;
}

describe.each(VERSIONS)("pusher-js %s", (version) => {
  it.each([
    ["ws", {}],
    ["wss", { tls }],
  ])("follows public, private, encrypted and cache channels over %s", async (scheme, options) => {
    await serve(options);
    const past = { name: "CREATED", data: '"earlier"' };
    server.news.past.set("cached", [past]);
    const follower = client(version, { useTLS: scheme === "wss" });
    const channels = ["order", "private-order", "private-encrypted-order"];
    for (const channel of [...channels, "cache-cached"]) follower.follow(channel);
    for (const channel of [...channels, "cache-cached"]) await follower.subscribed(channel);
    server.news.publish("order", EVENT);
    await until("all news", () => follower.news.length === 4);
    expect(follower.news).toEqual([
      ["cache-cached", "CREATED", "earlier"],
      ...channels.map((channel) => [channel, "PAID", TOLD]),
    ]);
    expect(follower.errorCodes).toEqual([]);
    follower.pusher.unsubscribe("order");
    await until("the end of one", () => server.news.subscriptions.length === 3);
  });

  it("gives up where the key is unknown", async () => {
    await serve();
    const stranger = client(version, { key: "unknown" });
    await until("the refusal", () => stranger.errorCodes.includes(4001));
    await until("the end", () => ["disconnected", "failed"].includes(stranger.pusher.connection.state));
  });

  it("comes back by itself after its connection was cut, and subscribes again", async () => {
    await serve();
    const follower = client(version);
    follower.follow("order");
    await follower.subscribed("order");
    server.news.subscriptions[0]?.end("slow_consumer");
    await follower.subscribed("order", 2);
    expect(new Set(follower.errorCodes)).toEqual(new Set([4100]));
    server.news.publish("order", EVENT);
    await until("the news", () => follower.news.length === 1);
  });

  it("comes back by itself after a drain, which it is told by 4200, and follows the next process", async () => {
    await serve();
    const { port } = server;
    const follower = client(version);
    follower.follow("order");
    await follower.subscribed("order");
    await server.close();
    expect(server.connections.counters.ended).toEqual({ shutting_down: 1 });
    expect(follower.errorCodes).toContain(4200);
    await serve({}, port);
    await follower.subscribed("order", 2);
    server.news.publish("order", EVENT);
    await until("the news", () => follower.news.length === 1);
    expect(follower.news).toEqual([["order", "PAID", TOLD]]);
  });
});
