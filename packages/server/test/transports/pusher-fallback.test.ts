/** pusher-js's HTTP fallback, line by line. Source: pusher-js, `http_socket.ts`. */
import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FallbackClient } from "../../testkit/fallback-client.ts";
import { authOf, PusherServer } from "../../testkit/pusher-server.ts";
import { until } from "../../testkit/until.ts";

let server: PusherServer;
const clients: FallbackClient[] = [];

beforeEach(async () => {
  server = await new PusherServer().listen();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.leave();
  await until("all places to be free", () => {
    server.clock.advance(server.limits.pusherSessionTimeoutMs);
    server.connections.beat();
    return server.connections.total === 0;
  });
  await server.close();
  expect(server.errors).toEqual([]);
});

const urlOf = (session: string, key = "paybell") => `http://127.0.0.1:${server.port}/pusher/app/${key}/007/${session}`;

function client(session = "abcdefgh", key = "paybell"): FallbackClient {
  const made = new FallbackClient(urlOf(session, key));
  clients.push(made);
  return made;
}

async function streaming(session?: string): Promise<FallbackClient> {
  const made = client(session);
  void made.read("xhr_streaming");
  await made.heard("pusher:connection_established");
  return made;
}

const subscribe = (channel: string, more: object = {}) => ({ event: "pusher:subscribe", data: { channel, ...more } });
const SUCCEEDED = "pusher_internal:subscription_succeeded";

describe("streaming", () => {
  it("opens once, tells everything on the one response, and takes messages beside it", async () => {
    const reader = await streaming();
    expect(reader.lines[0]).toBe("o");
    expect(await reader.send(subscribe("order-1"))).toBe(204);
    await reader.heard(SUCCEEDED);
    server.news.publish("order-1", { name: "PAID", data: '{"ü":"1"}' });
    await reader.heard("PAID");
    expect(reader.messages.at(-1)).toEqual({ event: "PAID", channel: "order-1", data: '{"ü":"1"}' });
    expect(await reader.send({ event: "pusher:ping", data: {} }, { event: "pusher:ping" })).toBe(204);
    await reader.heard("pusher:pong");
    expect(reader.lines.filter((line) => line === "o")).toHaveLength(1);
    expect(server.connections.counters.open).toEqual({ pusher: 1 });
  });

  it("private channels are signed for the connection like any other", async () => {
    const reader = await streaming();
    const { socket_id } = JSON.parse(String(reader.messages[0]?.data)) as { socket_id: string };
    await reader.send(subscribe("private-x", { auth: authOf(`${socket_id}:private-x`) }), subscribe("private-y"));
    await reader.heard(SUCCEEDED);
    await reader.heard("pusher:subscription_error");
  });

  it("stops where the client drops the response, and goes on with the next one without an opening", async () => {
    const reader = await streaming();
    await reader.send(subscribe("order-1"));
    await reader.heard(SUCCEEDED);
    const count = 700;
    for (let n = 0; n < count; n += 1) server.news.publish("order-1", { name: "N", data: `${n} ${"x".repeat(1_000)}` });
    const numbers = (of: FallbackClient) =>
      of.messages.filter(({ event }) => event === "N").map(({ data }) => Number.parseInt(String(data), 10));
    const all: number[] = [];
    let current = reader;
    for (let response = 0; all.length < count; response += 1) {
      const length = () => current.lines.join("\n").length;
      await until(
        () => `more than 256 KB or the end, in ${length()}`,
        () => length() > 256 * 1024 || all.length + numbers(current).length === count,
      );
      // Nothing more comes on this one, which the client is about to drop.
      expect(length()).toBeLessThan(256 * 1024 + 17_000);
      all.push(...numbers(current));
      const next = client();
      if (all.length === count) break;
      expect(response).toBeLessThan(5);
      void next.read("xhr_streaming");
      await until("the next response", () => next.lines.length > 0);
      expect(next.lines[0]).not.toBe("o");
      // A client leaves the old one first; whatever is left of it is cut.
      await until("the end of the old one", () => current.broken);
      current = next;
    }
    expect(all).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(server.news.subscriptions).toHaveLength(1);
    current.leave();
  });

  it("a heartbeat that is not answered ends it with 4201; one that is, does not", async () => {
    const reader = await streaming();
    const beat = async () => {
      server.clock.advance(server.limits.pingIntervalMs);
      server.connections.beat();
    };
    await beat();
    await until("the heartbeat", () => reader.lines.includes("h"));
    expect(await reader.send()).toBe(204);
    await beat();
    await until("another one", () => reader.lines.filter((line) => line === "h").length === 2);
    // The answer to a heartbeat is not answered itself: that would go on for ever.
    expect(reader.lines).not.toContain("a[]");
    await beat();
    await until("the end", () => reader.ended);
    expect(reader.lines.at(-1)).toBe('c[4201,"idle_timeout"]');
  });

  it("a client that asks whether anybody is there is answered with no heartbeat", async () => {
    const reader = await streaming();
    await reader.send();
    await until("the answer", () => reader.lines.includes("a[]"));
    expect(reader.lines).not.toContain("h");
  });

  it("who leaves is gone at once, with his subscriptions", async () => {
    const reader = await streaming();
    await reader.send(subscribe("order-1"));
    await reader.heard(SUCCEEDED);
    reader.leave();
    await until("the end", () => server.connections.total === 0);
    expect(server.news.subscriptions).toHaveLength(0);
    expect(await client().send(subscribe("order-1"))).toBe(404);
  });
});

describe("polling", () => {
  it("each response ends with the first news, and nothing is lost between two", async () => {
    const reader = client();
    await reader.read("xhr");
    expect(reader.lines[0]).toBe("o");
    await reader.heard("pusher:connection_established");
    const second = reader.read("xhr");
    expect(await reader.send(subscribe("order-1"))).toBe(204);
    await second;
    await reader.heard(SUCCEEDED);
    server.news.publish("order-1", { name: "A", data: "1" });
    server.news.publish("order-1", { name: "B", data: "2" });
    await reader.read("xhr");
    expect(reader.messages.slice(-2).map(({ event }) => event)).toEqual(["A", "B"]);
    expect(reader.lines.filter((line) => line === "o")).toHaveLength(1);
  });

  it("a poll without news ends with a heartbeat, which needs no answer", async () => {
    const reader = client();
    await reader.read("xhr");
    for (let round = 0; round < 3; round += 1) {
      const poll = reader.read("xhr");
      await until("the poll", () => server.connections.total === 1 && !reader.ended);
      // The request has to arrive before the time passes.
      await until("the heartbeat", () => {
        server.clock.advance(server.limits.pingIntervalMs / 10);
        server.connections.beat();
        return reader.ended;
      });
      await poll;
      expect(reader.lines.at(-1)).toBe("h");
    }
  });

  it("a session that nobody reads is forgotten; the same name then opens anew", async () => {
    const reader = client();
    await reader.read("xhr");
    server.clock.advance(server.limits.pusherSessionTimeoutMs - 1);
    server.connections.beat();
    expect(server.connections.total).toBe(1);
    server.clock.advance(1);
    server.connections.beat();
    expect(server.connections.total).toBe(0);
    expect(server.connections.counters.ended).toEqual({ idle_timeout: 1 });
    await reader.read("xhr");
    expect(reader.lines.filter((line) => line === "o")).toHaveLength(2);
    server.clock.advance(server.limits.pusherSessionTimeoutMs);
    server.connections.beat();
  });
});

describe("the end", () => {
  it.each(["xhr", "xhr_streaming"] as const)(
    "%s is told why it must not connect, after the opening",
    async (action) => {
      const cases: [string, string, string][] = [
        ["unknown", "?protocol=7", "c[4001,"],
        ["paybell", "", "c[4008,"],
        ["paybell", "?protocol=9", "c[4007,"],
        ["paybell", "?protocol=x", "c[4006,"],
      ];
      for (const [key, query, line] of cases) {
        const reader = client("abcdefgh", key);
        await reader.read(action, query);
        expect(reader.lines).toEqual(["o", expect.stringContaining(line)]);
      }
    },
  );

  it.each(["xhr", "xhr_streaming"] as const)(
    "a drain reaches %s as 4200, and who comes then as 4100",
    async (action) => {
      const reader = client();
      if (action === "xhr") await reader.read("xhr");
      const reading = reader.read(action);
      await reader.heard("pusher:connection_established");
      // The poll has to have arrived: otherwise it finds the session ended, which it is told as well.
      const draining = server.connections.drain({ withinMs: 0 });
      await reading;
      expect(reader.lines.at(-1)).toBe('c[4200,"shutting_down"]');
      await draining;
      expect(server.connections.total).toBe(0);
      const late = client("latelate");
      await late.read(action);
      expect(late.lines).toEqual(["o", 'c[4100,"shutting_down"]']);
    },
  );

  it("a poller that is between two polls learns of the end by the next one", async () => {
    const reader = client();
    await reader.read("xhr");
    const draining = server.connections.drain({ withinMs: 0 });
    await reader.read("xhr");
    expect(reader.lines.at(-1)).toBe('c[4200,"shutting_down"]');
    await draining;
  });
});

describe("who else may use a session", () => {
  it("a second reader is refused while the first one reads", async () => {
    const reader = await streaming();
    const thief = client();
    await thief.read("xhr_streaming");
    await thief.read("xhr");
    expect([thief.status, thief.lines]).toEqual([409, []]);
    await reader.send({ event: "pusher:ping" });
    await reader.heard("pusher:pong");
  });

  it("the same session under another app key is another session", async () => {
    await streaming();
    expect(await client("abcdefgh", "open-key").send({ event: "pusher:ping" })).toBe(404);
  });
});

describe("HTTP", () => {
  it("any page may use it: preflights are answered, and every answer may be read", async () => {
    const preflight = await fetch(`${urlOf("abcdefgh")}/xhr_send?t=1&n=1`, {
      method: "OPTIONS",
      headers: { origin: "https://shop.example", "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
    expect(preflight.headers.get("access-control-allow-headers")).toBe("Content-Type");
    expect(preflight.headers.get("access-control-allow-credentials")).toBeNull();
    const refused = await fetch(`${urlOf("abcdefgh")}/xhr_send`, { method: "POST", body: "[]" });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([404, "*"]);
  });

  it.each([
    ["GET", "abcdefgh/xhr", 405],
    ["POST", "short/xhr", 404],
    ["POST", "abcdefgh/xhr_more", 404],
    ["POST", "abcdefgh", 404],
    ["POST", "%E0%A4%A/xhr", 404],
    ["POST", `${"x".repeat(65)}/xhr`, 404],
  ])("%s …/%s is %i", async (method, path, status) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/pusher/app/paybell/1/${path}`, { method });
    expect(answer.status).toBe(status);
  });

  it("bodies that are no array of texts, or too large, are refused; the session goes on", async () => {
    const reader = await streaming();
    for (const body of ["", "{}", "[1]", "[[]]", "null", '"x"', "[", '["a"]x']) {
      expect(await reader.sendRaw(body)).toBe(400);
    }
    expect(await reader.sendRaw(JSON.stringify(["x".repeat(server.limits.bodyBytes)]))).toBe(413);
    expect(await reader.send({ event: "pusher:ping" })).toBe(204);
    await reader.heard("pusher:pong");
  });

  it("who breaks off in the middle of a body hurts nobody", async () => {
    const reader = await streaming();
    const { port } = server;
    const path = "/pusher/app/paybell/007/abcdefgh/xhr_send";
    const broken = request({ port, path, method: "POST", headers: { "content-length": "100" } });
    broken.on("error", () => undefined);
    broken.write('["');
    await new Promise((resolve) => setImmediate(resolve));
    broken.destroy();
    await reader.send({ event: "pusher:ping" });
    await reader.heard("pusher:pong");
  });
});

describe("limits", () => {
  it("messagesPerSecond: who sends more is closed with 4100, what he reads counts too", async () => {
    const reader = await streaming();
    const ping = { event: "pusher:ping" };
    const burst = server.limits.messagesPerSecond * 2;
    expect(await reader.send(...Array.from({ length: burst }, () => ping))).toBe(204);
    await until("all answers", () => reader.messages.filter(({ event }) => event === "pusher:pong").length === burst);
    await reader.send(ping);
    await until("the end", () => reader.ended);
    expect(reader.lines.at(-1)).toBe('c[4100,"rate_limited"]');
    const poller = client("pollpoll");
    await poller.read("xhr");
    for (let n = 0; n < burst; n += 1) await poller.send();
    await poller.read("xhr");
    expect(poller.lines.at(-1)).toBe('c[4100,"rate_limited"]');
  });

  it("messageBytes: a larger message ends the session with 1009", async () => {
    const reader = await streaming();
    const { messageBytes } = server.limits;
    await reader.sendRaw(JSON.stringify([`"${"x".repeat(messageBytes - 2)}"`]));
    await reader.heard("pusher:error");
    await reader.sendRaw(JSON.stringify([`"${"x".repeat(messageBytes - 1)}"`]));
    await until("the end", () => reader.ended);
    expect(reader.lines.at(-1)).toBe('c[1009,"payload_too_large"]');
  });

  it("bufferedBytes: who polls too slowly is ended with 4100, which his next poll tells", async () => {
    const reader = client();
    await reader.read("xhr");
    await reader.send(subscribe("order-1"));
    await reader.read("xhr");
    await reader.heard(SUCCEEDED);
    const big = { name: "BIG", data: "x".repeat(100_000) };
    for (let n = 0; n < 10; n += 1) server.news.publish("order-1", big);
    expect(server.connections.counters.ended).toEqual({});
    server.news.publish("order-1", big);
    expect(server.connections.counters.ended).toEqual({ slow_consumer: 1 });
    expect(server.news.subscriptions).toHaveLength(0);
    await reader.read("xhr");
    expect(reader.lines.at(-1)).toBe('c[4100,"slow_consumer"]');
  });

  it("connections: who finds no place is told by 4100", async () => {
    const full = await new PusherServer({ limits: { connections: 1 } }).listen();
    const url = `http://127.0.0.1:${full.port}/pusher/app/paybell/1`;
    const first = new FallbackClient(`${url}/firstone`);
    await first.read("xhr");
    const second = new FallbackClient(`${url}/secondone`);
    await second.read("xhr");
    expect(second.lines).toEqual(["o", 'c[4100,"too_many_connections"]']);
    expect(full.connections.counters.refused).toEqual({ too_many_connections: 1 });
    await full.close();
  });

  it("a feed that has much to tell waits until its client has taken enough of it", async () => {
    const reader = client();
    await reader.read("xhr");
    await reader.send(subscribe("order-1"));
    await reader.read("xhr");
    await reader.heard(SUCCEEDED);
    const [subscription] = server.news.subscriptions;
    for (let n = 0; n < 4; n += 1) subscription?.send({ name: "BIG", data: "x".repeat(100_000) });
    let waited = false;
    const writable = subscription?.writable().then(() => (waited = true));
    await reader.send({ event: "pusher:ping" });
    expect(waited).toBe(false);
    await reader.read("xhr");
    await writable;
    expect(waited).toBe(true);
  });

  it("keylessRequestsPerSecond: requests that belong to no session count by address, those of a session do not", async () => {
    const strict = await new PusherServer({ limits: { keylessRequestsPerSecond: 2 } }).listen();
    const url = `http://127.0.0.1:${strict.port}/pusher/app/paybell/1`;
    const reader = new FallbackClient(`${url}/thereader`);
    await reader.read("xhr");
    const stranger = new FallbackClient(`${url}/astranger`);
    const statuses = [];
    for (let n = 0; n < 5; n += 1) statuses.push(await stranger.send());
    expect(statuses).toEqual([404, 404, 404, 429, 429]);
    for (let n = 0; n < 5; n += 1) expect(await reader.send({ event: "pusher:ping" })).toBe(204);
    await reader.read("xhr");
    await reader.heard("pusher:pong");
    expect(strict.connections.counters.refused).toEqual({ rate_limited: 2 });
    await strict.close();
  });
});
