/** `GET /sse/transactions/{id}`, beyond the suite of all protocols. */
import { EventSource } from "eventsource";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

const UNKNOWN = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
let server: ProtocolServer;

beforeAll(async () => {
  server = await ProtocolServer.start();
});
afterAll(() => server.stop());

const urlOf = (id: string) => `${server.url}/sse/transactions/${id}`;

/** An EventSource by the rules of browsers, and what reached `onmessage`. */
function listen(id: string) {
  const source = new EventSource(urlOf(id));
  const heard: unknown[] = [];
  source.onmessage = ({ data }) => heard.push(JSON.parse(data));
  return { source, heard };
}

it("gives the messages of the WebSocket to onmessage", async () => {
  const { id, ...payment } = await server.create();
  const { source, heard } = listen(id);
  await until("the status", () => heard.length === 1);
  const suiTxDigest = await server.pay({ id, ...payment });
  await server.controls.mine(2);
  await until("the settlement", () => heard.length === 2);
  source.close();
  expect(heard).toEqual([
    { type: "status", transactionId: id, status: "pending", suiTxDigest: null },
    { type: "settlement", transactionId: id, status: "settled", suiTxDigest },
  ]);
});

it("says of what is not there that it is not, once: an EventSource then gives up", async () => {
  for (const id of [UNKNOWN, "hello"]) {
    const { source, heard } = listen(id);
    await until("it to give up", () => source.readyState === EventSource.CLOSED);
    expect(heard).toEqual([{ type: "error", message: "Transaction not found" }]);
  }
});

it("tells of a deletion, and is then given up too", async () => {
  const { id, merchantId } = await server.create();
  const { source, heard } = listen(id);
  await until("the status", () => heard.length === 1);
  await server.core.ingest.execute(merchantId, id, { type: "erase" });
  await until("it to give up", () => source.readyState === EventSource.CLOSED);
  expect(heard.slice(1)).toEqual([{ type: "error", message: "Transaction not found" }]);
});

it("goes on for hours without a message: only a client that does not read is ended", async () => {
  const { id } = await server.create();
  const { source, heard } = listen(id);
  await until("the status", () => heard.length === 1);
  const { clock, connections } = server.transports;
  for (let hour = 0; hour < 3; hour += 1) {
    clock.advance(3_600_000);
    connections.beat();
  }
  expect(connections.total).toBe(1);
  expect(source.readyState).toBe(EventSource.OPEN);
  source.close();
});

it("may be read by a page of any origin", async () => {
  const { id } = await server.create();
  const abort = new AbortController();
  const answer = await fetch(urlOf(id), { headers: { origin: "https://shop.example" }, signal: abort.signal });
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  abort.abort();
});

it("leaves nothing behind", async () => {
  await until("everything to be free", () => server.hub.topicCount === 0 && server.identipayPlaces?.size === 0);
  expect(server.errors).toEqual([]);
});

it("refuses in identiPay's envelope where the server itself is full", async () => {
  const full = await ProtocolServer.start({ limits: { connections: 1 } });
  const { id } = await full.create();
  const abort = new AbortController();
  const path = `${full.url}/sse/transactions/${id}`;
  await fetch(path, { signal: abort.signal });
  const answer = await fetch(path);
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await answer.json()).toMatchObject({ error: { code: "INTERNAL_ERROR" } });
  abort.abort();
  await full.stop();
});
