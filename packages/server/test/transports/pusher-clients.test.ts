/** The official client at three versions, in Node, over ws:// and wss://. */
import { type AddressInfo, connect, createServer, type Server } from "node:net";
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

async function serve(options: TransportServerOptions = {}): Promise<void> {
  server = await new PusherServer(options).listen();
}

function client(
  version: string,
  options: { useTLS?: boolean; key?: string } = {},
  port: number = server.port,
): PusherJsClient {
  const made = new PusherJsClient(version, port, options);
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
    const old = server;
    const balancer = await Balancer.before(old.port);
    const follower = client(version, {}, balancer.port);
    follower.follow("order");
    await follower.subscribed("order");
    await serve();
    balancer.target = server.port;
    await old.close();
    await follower.subscribed("order", 2);
    expect(old.connections.counters.ended).toEqual({ shutting_down: 1 });
    expect(new Set(follower.errorCodes)).toEqual(new Set([4200]));
    server.news.publish("order", EVENT);
    await until("the news", () => follower.news.length === 1);
    expect(follower.news).toEqual([["order", "PAID", TOLD]]);
    follower.close();
    await balancer.close();
  });
});

/** Passes connections on to one port after another, as what stands before several processes does. */
class Balancer {
  target: number;
  readonly #server: Server;

  private constructor(target: number) {
    this.target = target;
    this.#server = createServer((inside) => {
      const outside = connect(this.target, "127.0.0.1");
      inside.pipe(outside).pipe(inside);
      // Whichever ends, ends both.
      inside.on("error", () => outside.destroy()).on("close", () => outside.destroy());
      outside.on("error", () => inside.destroy()).on("close", () => inside.destroy());
    });
  }

  static async before(target: number): Promise<Balancer> {
    const balancer = new Balancer(target);
    await new Promise<void>((resolve) => balancer.#server.listen(0, "127.0.0.1", resolve));
    return balancer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
