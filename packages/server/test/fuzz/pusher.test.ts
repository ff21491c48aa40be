/**
 * What a hostile or broken client might send on the Pusher transport, over WebSocket and over the HTTP fallback: it is
 * answered in the protocol's own words, nothing crashes, and nobody else notices.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FallbackClient } from "../../testkit/fallback-client.ts";
import { authOf, PusherServer } from "../../testkit/pusher-server.ts";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import { hostileJson, hostileText, runs } from "./hostile.ts";

let server: PusherServer;
let listener: TestClient;
const RUNS = 300;

beforeAll(async () => {
  server = await new PusherServer({
    limits: {
      messagesPerSecond: 1_000_000,
      messageBytes: 1_000_000,
      bodyBytes: 4_000_000,
      keylessRequestsPerSecond: 1_000_000,
    },
  }).listen();
  listener = await server.subscribed("order-1");
});
afterAll(async () => {
  server.news.publish("order-1", { name: "PAID", data: "{}" });
  await until("the listener to hear", () => listener.received.length > 2);
  expect(listener.messages.slice(2)).toEqual([{ event: "PAID", channel: "order-1", data: "{}" }]);
  await server.close();
  expect(server.errors).toEqual([]);
});

const EVENTS = ["pusher:subscribe", "pusher:unsubscribe", "pusher:ping", "pusher:pong", "pusher:signin", "client-x"];
const MAY_BE_TOLD = [
  "pusher:error",
  "pusher:pong",
  "pusher:subscription_error",
  "pusher:cache_miss",
  "pusher_internal:subscription_succeeded",
];
const channel = fc.oneof(
  hostileText,
  fc.constantFrom(
    "private-",
    "private-x",
    "private-encrypted-x",
    "presence-x",
    "cache-__proto__",
    "__proto__",
    "order-2",
  ),
);
const messages = fc.oneof(
  hostileText,
  hostileJson({ event: "pusher:subscribe", data: { channel: "private-x", auth: "paybell:00", channel_data: "{}" } }),
  fc
    .record({
      event: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...EVENTS) }, { weight: 1, arbitrary: hostileText }),
      data: fc.oneof(
        fc.record({ channel, auth: hostileText, channel_data: hostileText }, { requiredKeys: ["channel"] }),
        hostileText,
        channel.map((name) => JSON.stringify({ channel: name })),
      ),
    })
    .map((message) => JSON.stringify(message)),
);

function expectAnswers(told: readonly Record<string, unknown>[]): void {
  for (const { event } of told) expect(MAY_BE_TOLD).toContain(event);
}

it("on a WebSocket", async () => {
  const { client } = await server.connect();
  await fc.assert(
    fc.asyncProperty(messages, async (text) => {
      const before = client.received.length;
      client.send(text);
      client.send({ event: "pusher:ping", data: {} });
      await until(
        "the ping to be answered",
        () => client.messages.at(-1)?.event === "pusher:pong" && client.received.length > before,
      );
      expectAnswers(client.messages.slice(before));
      client.received.length = 1;
    }),
    runs(RUNS),
  );
  client.terminate();
});

it("over the HTTP fallback: bodies and messages", async () => {
  const reader = new FallbackClient(`http://127.0.0.1:${server.port}/pusher/app/paybell/1/abcdefgh`);
  void reader.read("xhr_streaming");
  await reader.heard("pusher:connection_established");
  const bodies = fc.oneof(
    hostileText,
    hostileJson(['{"event":"pusher:ping"}', "{}"]),
    fc.array(messages, { maxLength: 3 }).map((texts) => JSON.stringify(texts)),
  );
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      expect([204, 400]).toContain(await reader.sendRaw(body));
      reader.lines.length = 0;
      await reader.send({ event: "pusher:ping" });
      await reader.heard("pusher:pong");
      expectAnswers(reader.messages);
    }),
    runs(RUNS),
  );
  reader.leave();
});

it("over the HTTP fallback: paths and queries", async () => {
  await fc.assert(
    fc.asyncProperty(
      hostileText,
      hostileText,
      fc.constantFrom("xhr", "xhr_streaming", "xhr_send"),
      async (session, query, action) => {
        const path = `/pusher/app/paybell/1/${encodeURIComponent(session.toWellFormed())}/${action}`;
        const url = `http://127.0.0.1:${server.port}${path}?protocol=${encodeURIComponent(query.toWellFormed())}`;
        const answer = await fetch(url, { method: "POST" });
        // 431: longer than any request head may be.
        expect([200, 404, 431]).toContain(answer.status);
        if (answer.status === 431) return;
        expect(await answer.text()).toMatch(/^(o\nc\[400[678],".*"\]\n|[A-Z].*)$/);
      },
    ),
    runs(RUNS),
  );
});

it("signatures: nothing but the right one opens a private channel", async () => {
  const { client, socketId } = await server.connect();
  const right = authOf(`${socketId}:private-x`);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: right.length - 1 }), hostileText, async (at, text) => {
      const auth = right.slice(0, at) + text + right.slice(at + 1);
      if (auth === right) return;
      const before = client.received.length;
      client.send({ event: "pusher:subscribe", data: { channel: "private-x", auth } });
      await until("the answer", () => client.received.length > before);
      expect(client.messages[before]?.event).toBe("pusher:subscription_error");
    }),
    runs(RUNS),
  );
  client.terminate();
});
