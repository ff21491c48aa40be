/** The limits of the Pusher protocol, of which its clients are told in its own words. */

import PusherServerLibrary from "pusher";
import { expect } from "vitest";
import { SANDBOX_PUSHER_APP } from "../../src/config/pusher.ts";
import { FallbackClient } from "../../testkit/fallback-client.ts";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import type { TestServer } from "../http/harness.ts";
import type { Edges, EdgeTable } from "./edge.ts";

type PusherLimit =
  | "pusherActivityTimeoutMs"
  | "pusherSessionTimeoutMs"
  | "pusherChannelsPerConnection"
  | "pusherChannelsListed"
  | "pusherChannelNameChars";

const PATH = "/app/paybell?protocol=7";

async function connect(at: Edges, server: TestServer): Promise<TestClient> {
  const client = await at.open(server, PATH);
  await until("the connection to be established", () => client.received.length > 0);
  return client;
}

/** The answer to a subscription: its event, and what an error says. */
async function subscribe(client: TestClient, channel: string): Promise<string> {
  const before = client.received.length;
  client.send({ event: "pusher:subscribe", data: { channel } });
  await until("the answer", () => client.received.length > before);
  const { event, data } = client.messages[before] as { event: string; data: string };
  return event === "pusher:subscription_error" ? (JSON.parse(data) as { type: string }).type : event;
}

const SUCCEEDED = "pusher_internal:subscription_succeeded";

export const pusherEdges: EdgeTable<PusherLimit> = {
  pusherActivityTimeoutMs: async (at) => {
    // Told in full seconds: a client must not think that it has less time than it has.
    for (const [limit, told] of [
      [7_000, 7],
      [7_001, 8],
    ]) {
      const client = await connect(at, await at.start({ pusherActivityTimeoutMs: limit as number }));
      const { data } = client.messages[0] as { data: string };
      expect((JSON.parse(data) as { activity_timeout: number }).activity_timeout).toBe(told);
    }
  },

  pusherSessionTimeoutMs: async (at) => {
    const server = await at.start({ pusherSessionTimeoutMs: 60_000 });
    const client = new FallbackClient(`${server.url}/pusher/app/paybell/1/abcdefgh`);
    at.onEnd(() => client.leave());
    await client.read("xhr");
    at.clock.advance(59_999);
    // Beats come by themselves, a few times a second; this many were not too late for it.
    expect(await client.send({ event: "pusher:ping" })).toBe(204);
    at.clock.advance(1);
    await until("the end of the session", async () => (await client.send({ event: "pusher:ping" })) === 404);
  },

  pusherChannelsPerConnection: async (at) => {
    const client = await connect(at, await at.start({ pusherChannelsPerConnection: 2 }));
    expect(await subscribe(client, "a")).toBe(SUCCEEDED);
    expect(await subscribe(client, "b")).toBe(SUCCEEDED);
    expect(await subscribe(client, "c")).toBe("too_many_subscriptions");
    expect(await subscribe(client, "a"), "one that it has").toBe(SUCCEEDED);
    client.send({ event: "pusher:unsubscribe", data: { channel: "a" } });
    expect(await subscribe(client, "c")).toBe(SUCCEEDED);
  },

  pusherChannelsListed: async (at) => {
    const server = await at.start({ pusherChannelsListed: 2 });
    at.clock.advance(Date.now() - at.clock.nowMs());
    const library = new PusherServerLibrary({
      appId: SANDBOX_PUSHER_APP.id,
      key: String(SANDBOX_PUSHER_APP.keys[0]),
      secret: String(SANDBOX_PUSHER_APP.secret),
      useTLS: false,
      host: "127.0.0.1",
      port: new URL(server.url).port,
    });
    const client = await connect(at, server);
    for (const channel of ["a", "b"]) await subscribe(client, channel);
    expect((await library.get({ path: "/channels" })).status).toBe(200);
    await subscribe(client, "c");
    await expect(library.get({ path: "/channels" })).rejects.toMatchObject({ status: 413 });
  },

  pusherChannelNameChars: async (at) => {
    const client = await connect(at, await at.start({ pusherChannelNameChars: 10 }));
    expect(await subscribe(client, "x".repeat(10))).toBe(SUCCEEDED);
    expect(await subscribe(client, "x".repeat(11))).toBe("invalid_request");
    expect(await subscribe(client, `cache-${"x".repeat(4)}`)).toBe(SUCCEEDED);
    expect(await subscribe(client, `cache-${"x".repeat(5)}`)).not.toBe(SUCCEEDED);
  },
};
