/**
 * Where a limit on connections is reached, a browser's EventSource comes back until there is a place: at a 503 it would give
 * up for good. So it is after the death of a node, too, whose places are counted for some seconds more.
 */
import { EventSource } from "eventsource";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

let server: ProtocolServer;
let id: string;
const sources: EventSource[] = [];

beforeEach(async () => {
  server = await ProtocolServer.start({ limits: { connections: 1 } });
  ({ id } = await server.create());
});
afterEach(async () => {
  for (const source of sources.splice(0)) source.close();
  await server.stop();
});

/** By the rules of browsers. */
function open(path: string): EventSource {
  const source = new EventSource(server.url + path);
  sources.push(source);
  return source;
}

const PATHS = ["/v1/payments/…/events", "/sse/transactions/…"];

it.each(PATHS)("an EventSource at %s waits for a place, and has it when one is free", async (path) => {
  const url = path.replace("…", id);
  const first = open(url);
  await until("the first has the place", () => first.readyState === EventSource.OPEN);
  const second = open(url);
  let heard = 0;
  let failures = 0;
  second.onmessage = () => (heard += 1);
  second.onerror = () => (failures += 1);
  await until("the second was sent away", () => failures > 0);
  expect(second.readyState).toBe(EventSource.CONNECTING);
  expect(heard).toBe(0);
  expect(server.transports.connections.counters.refused).toEqual({ too_many_connections: 1 });
  first.close();
  await until("the second has come back", () => heard > 0);
});

it.each(PATHS)(
  "it comes back to %s after 5 to 10 s; who asks without accepting a stream reads the status",
  async (path) => {
    const url = path.replace("…", id);
    const first = open(url);
    await until("the first has the place", () => first.readyState === EventSource.OPEN);
    const asked = await fetch(server.url + url, { headers: { accept: "text/event-stream" } });
    expect([asked.status, asked.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
    const [, pause] = /^retry: (\d+)\n\n$/.exec(await asked.text()) ?? [];
    expect(Number(pause)).toBeGreaterThanOrEqual(5_000);
    expect(Number(pause)).toBeLessThanOrEqual(10_000);
    expect((await fetch(server.url + url)).status).toBe(503);
  },
);
