/** SSE and long-polling beyond the suite of all protocols. */
import type { PaymentEvent } from "@paybell/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { positionAt } from "../../src/fanout/cursor.ts";
import { KEY_CACHE_TTL_MS } from "../../src/http/key-authenticator.ts";
import type { LogRecord } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

const HOUR_MS = 3_600_000;
let server: ProtocolServer;
let abort: AbortController;
let payment: Payment;

beforeAll(async () => {
  server = await ProtocolServer.start({ limits: { longPollMs: HOUR_MS } });
  await server.addMerchant("other");
});
beforeEach(async () => {
  abort = new AbortController();
  payment = await server.create({ reference: "order 7", customer: "alice" });
});
afterEach(async () => {
  abort.abort();
  await until("all places to be free", () => server.transports.connections.total === 0);
});
afterAll(() => server.stop());

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** The raw stream. */
async function openSse(headers: Record<string, string> = {}) {
  const answer = await fetch(`${server.url}/v1/payments/${payment.id}/events`, { headers, signal: abort.signal });
  let text = "";
  let ended = false;
  const reading = (async () => {
    for await (const chunk of answer.body ?? []) text += new TextDecoder().decode(chunk as Uint8Array);
  })();
  reading.catch(() => undefined).finally(() => (ended = true));
  return { answer, text: () => text, ended: () => ended };
}

describe("SSE", () => {
  it("sends each event as an unnamed message with its position as the id", async () => {
    const { text } = await openSse();
    await until("the first event", () => text().includes("payment.created"));
    const [, id, data] = /\nid: (.*)\ndata: (.*)\n\n/.exec(text()) ?? [];
    const event = JSON.parse(data as string) as PaymentEvent;
    expect(event).toMatchObject({ position: id, type: "payment.created", paymentId: payment.id, sequence: 1 });
    expect(text()).not.toContain("event:");
  });

  it("ends with an error message when its key is revoked", async () => {
    const key = await server.addKey("secret");
    const [keyed, keyless] = [await openSse(bearer(key)), await openSse()];
    await until("both", () => keyed.text().includes("created") && keyless.text().includes("created"));
    await server.revoke(key);
    server.transports.clock.advance(KEY_CACHE_TTL_MS + 1);
    server.transports.connections.beat();
    await until("the end", () => keyed.ended());
    expect(keyed.text()).toMatch(/event: error\ndata: .*"unauthorized".*\n\n$/);
    expect(keyless.ended()).toBe(false);
    expect((await openSse(bearer(key))).answer.status).toBe(401);
  });

  it("shows the merchant's view with his key only", async () => {
    const open = await openSse();
    const mine = await openSse(bearer(await server.addKey("secret")));
    await until("both", () => open.text().includes("created") && mine.text().includes("created"));
    expect(mine.text()).toContain("order 7");
    expect(open.text()).not.toContain("order 7");
    const other = await openSse(bearer(await server.addKey("secret", "other")));
    expect(other.answer.status).toBe(404);
  });

  it("is open to pages of any origin: the id is the key", async () => {
    const { answer } = await openSse({ origin: "https://shop.example" });
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("content-type")).toContain("text/event-stream");
  });

  it("says that a cursor has expired, and begins at the beginning", async () => {
    const { text } = await openSse({ "last-event-id": "anotherepoch.0.7" });
    await until("the event", () => text().includes("payment.created"));
    expect(text()).toMatch(/event: error\ndata: .*"cursor_expired".*\n\n/);
    expect(text().indexOf("cursor_expired")).toBeLessThan(text().indexOf("payment.created"));
  });

  it("tells that the payment was erased, ends, and answers 404 from then on", async () => {
    const { text, ended } = await openSse();
    await until("the first event", () => text().includes("payment.created"));
    await server.core.ingest.execute(MERCHANT, payment.id, { type: "erase" });
    await until("the end", ended);
    expect(text()).toMatch(/payment\.erased.*\n\nevent: error\ndata: .*"not_found".*\n\n$/);
    expect((await openSse()).answer.status).toBe(404);
  });

  it("is refused with 503 when there is no room, before anything is sent", async () => {
    const { connections, limits } = server.transports;
    const slots = Array.from({ length: limits.connections }, () => connections.admit("test", null));
    const { answer, text, ended } = await openSse();
    await until("the body", ended);
    for (const slot of slots) slot.release();
    expect(answer.status).toBe(503);
    expect(JSON.parse(text())).toMatchObject({ error: { code: "too_many_connections" } });
  });
});

describe("long-polling", () => {
  async function poll(query: Record<string, string>, headers: Record<string, string> = {}) {
    const answer = await fetch(`${server.url}/v1/events?${new URLSearchParams(query)}`, { headers });
    return { status: answer.status, body: (await answer.json()) as { events: PaymentEvent[]; next: string } };
  }

  it("with the merchant's key gives everything that is his, page by page, and nobody else's", async () => {
    await server.create({ merchantId: "other" });
    await server.create();
    const headers = bearer(await server.addKey("secret"));
    const { offset } = (await server.records(topics.payment(payment.id)))[0] as LogRecord;
    const first = await poll({ limit: "1", after: positionAt(server.core.log, offset - 1) }, headers);
    const second = await poll({ limit: "1", after: first.body.next }, headers);
    const third = await poll({ limit: "1", after: second.body.next }, headers);
    expect(first.body.events[0]).toMatchObject({ paymentId: payment.id, data: { reference: "order 7" } });
    expect([...first.body.events, ...second.body.events].map((event) => event.type)).toEqual([
      "payment.created",
      "payment.created",
    ]);
    expect(third.body.events).toEqual([]);
    expect(third.body.next).toBe(positionAt(server.core.log, await server.core.log.head()));
  });

  it("answers as soon as something happens", async () => {
    const next = positionAt(server.core.log, await server.core.log.head());
    const polled = poll({ paymentId: payment.id, after: next, waitMs: `${HOUR_MS}` });
    await until("it to wait", () => server.transports.connections.total === 1);
    // What happens to others wakes nobody.
    await server.pay(await server.create());
    expect(server.transports.connections.total).toBe(1);
    await server.pay(payment);
    const { body } = await polled;
    expect(body.events[0]?.type).toBe("transfer.seen");
    expect(JSON.stringify(body)).not.toContain("order 7");
    expect(server.transports.connections.total).toBe(0);
  });

  it("answers 410 to a cursor of another time", async () => {
    const { status, body } = await poll({ paymentId: payment.id, after: "anotherepoch.0.1" });
    expect([status, body]).toMatchObject([410, { error: { code: "cursor_expired" } }]);
  });

  // The last one: nobody is let in after it.
  it("ends with an empty page when the server is drained", async () => {
    const next = positionAt(server.core.log, await server.core.log.head());
    const polled = poll({ paymentId: payment.id, after: next, waitMs: `${HOUR_MS}` });
    await until("it to wait", () => server.transports.connections.total === 1);
    await server.transports.connections.drain({ withinMs: 0 });
    expect(await polled).toEqual({ status: 200, body: { events: [], next } });
  });
});
