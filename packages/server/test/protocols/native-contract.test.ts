/** The three native wires under the suite that every protocol passes. */
import type { PaymentEvent, StreamMessage } from "@paybell/protocol";
import { EventSource } from "eventsource";
import { positionAt } from "../../src/fanout/cursor.ts";
import type { LogRecord } from "../../src/log/event-log.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { type FollowingClient, type ProtocolHarness, testProtocol } from "../../testkit/protocol.ts";
import type { ProtocolServer } from "../../testkit/protocol-server.ts";
import { handshake } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const told = (event: Pick<PaymentEvent, "position" | "id" | "type" | "sequence">) =>
  `${event.position} ${event.id} ${event.type} ${event.sequence}`;

const expected = (records: readonly LogRecord[], server: ProtocolServer) =>
  records.map((record) => told({ ...record, position: positionAt(server.core.log, record.offset) }));

async function stream(server: ProtocolServer, payment: Payment, cursor: string | null): Promise<FollowingClient> {
  const client = await server.transports.open("/v1/stream");
  const topic = `payment:${payment.id}`;
  client.send(cursor === null ? { type: "subscribe", topic } : { type: "subscribe", topic, after: cursor });
  const messages = () => client.messages as unknown as StreamMessage[];
  await until("the answer", () => messages().length > (cursor === null ? 1 : 0));
  const [answer, snapshot] = messages();
  if (answer?.type !== "subscribed") throw new Error(`It was answered ${JSON.stringify(answer)}`);
  const events = () => messages().flatMap((message) => (message.type === "event" ? [message.event] : []));
  return {
    get heard() {
      return events().map(told);
    },
    contained: snapshot?.type === "snapshot" ? snapshot.payment.sequence : null,
    get cursor() {
      return events().at(-1)?.position ?? answer.position;
    },
    close: async () => {
      client.ws.close();
      await client.closed;
    },
  };
}

async function sse(server: ProtocolServer, payment: Payment, cursor: string | null): Promise<FollowingClient> {
  const heard: string[] = [];
  let last = cursor;
  const source = new EventSource(`${server.url}/v1/payments/${payment.id}/events`, {
    fetch: (url, init) =>
      fetch(url, {
        ...init,
        headers: cursor === null ? init.headers : { ...init.headers, "Last-Event-ID": cursor },
      }),
  });
  source.onmessage = ({ data, lastEventId }) => {
    heard.push(told(JSON.parse(data) as PaymentEvent));
    last = lastEventId;
  };
  await new Promise<void>((resolve) => (source.onopen = () => resolve()));
  return {
    heard,
    contained: null,
    get cursor() {
      return last;
    },
    close: async () => source.close(),
  };
}

async function polling(server: ProtocolServer, payment: Payment, cursor: string | null): Promise<FollowingClient> {
  const heard: string[] = [];
  const abort = new AbortController();
  let last = cursor;
  const poll = async () => {
    const query = new URLSearchParams({ paymentId: payment.id, waitMs: "1000", limit: "2" });
    if (last !== null) query.set("after", last);
    const answer = await fetch(`${server.url}/v1/events?${query}`, { signal: abort.signal });
    const page = (await answer.json()) as { events: PaymentEvent[]; next: string };
    if (!answer.ok) throw new Error(JSON.stringify(page));
    heard.push(...page.events.map(told));
    last = page.next;
  };
  const polls = (async () => {
    while (!abort.signal.aborted) await poll();
  })().catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return {
    heard,
    contained: null,
    get cursor() {
      return last;
    },
    close: async () => {
      abort.abort();
      await polls;
    },
  };
}

/** Sends on a stream of its own and waits for an error of this code, after which it must still be served. */
const refused = (data: string | Buffer, code: string) => async (server: ProtocolServer) => {
  const client = await server.transports.open("/v1/stream");
  client.ws.send(data);
  await until(`the error ${code}`, () => client.messages.some((message) => message.code === code));
  client.send({ type: "ping" });
  await until("the pong", () => client.messages.some((message) => message.type === "pong"));
  client.ws.close();
  await client.closed;
};

const asks = (path: string, status: number, headers: Record<string, string> = {}) => {
  return async (server: ProtocolServer) => {
    const answer = await fetch(`${server.url}${path}`, { headers });
    const body = await answer.text();
    if (answer.status !== status) throw new Error(`${path} was answered ${answer.status} ${body}`);
  };
};

const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";
const shared: Pick<ProtocolHarness, "expected" | "hasCursor"> = { expected, hasCursor: true };

testProtocol("The native WebSocket", {
  ...shared,
  connect: stream,
  tellsPast: false,
  malformed: {
    "text that is no JSON": refused("{", "invalid_json"),
    "an empty message": refused("", "invalid_json"),
    "a JSON array": refused("[]", "invalid_request"),
    "JSON null": refused("null", "invalid_request"),
    "a message without a type": refused("{}", "invalid_request"),
    "a type of Object's own": refused('{"type":"constructor"}', "invalid_request"),
    "a prototype as a field": refused('{"type":"ping","__proto__":{"x":1}}', "invalid_request"),
    "an unknown type": refused('{"type":"join-user"}', "invalid_request"),
    "an unknown field": refused('{"type":"ping","extra":"1"}', "invalid_request"),
    "a topic that is a number": refused('{"type":"subscribe","topic":7}', "invalid_request"),
    "a topic that is left out": refused('{"type":"subscribe"}', "invalid_request"),
    "a topic of no form": refused('{"type":"subscribe","topic":"everything"}', "invalid_request"),
    "a topic with an empty part": refused('{"type":"subscribe","topic":"payment:"}', "invalid_request"),
    "a very long topic": refused(`{"type":"subscribe","topic":"payment:${"x".repeat(5_000)}"}`, "invalid_request"),
    "an unknown payment": refused(`{"type":"subscribe","topic":"payment:${UNKNOWN_ID}"}`, "not_found"),
    "a merchant's topic without a key": refused('{"type":"subscribe","topic":"merchant:merchant"}', "unauthorized"),
    "a cursor that is none": refused('{"type":"subscribe","topic":"payment:1","after":"x"}', "invalid_cursor"),
    "deep nesting": refused(`${"[".repeat(8_000)}${"]".repeat(8_000)}`, "invalid_request"),
    "binary data": refused(Buffer.from([0, 1, 2, 255]), "invalid_request"),
    "a wrong key": async (server) => {
      const client = await server.transports.open("/v1/stream");
      client.send({ type: "auth", key: "sk_sandbox_wrong" });
      if ((await client.closed).code !== 4001) throw new Error("It was not ended.");
    },
    "a client that is gone before it is served": async (server, payment) => {
      const before = server.transports.connections.total;
      const client = await server.transports.open("/v1/stream");
      client.send({ type: "subscribe", topic: `payment:${payment.id}` });
      client.terminate();
      await until("it to be gone", () => server.transports.connections.total <= before);
    },
    "a handshake that is broken off": async (server) => {
      const socket = await server.transports.dial();
      socket.write(handshake("/v1/stream").slice(0, 60));
      socket.destroy();
    },
  },
});

testProtocol("SSE", {
  ...shared,
  connect: sse,
  tellsPast: true,
  malformed: {
    "an unknown payment": asks(`/v1/payments/${UNKNOWN_ID}/events`, 404),
    "an id that is none": asks("/v1/payments/%00/events", 404),
    "a Last-Event-ID that is no cursor": async (server, payment) =>
      asks(`/v1/payments/${payment.id}/events`, 400, { "Last-Event-ID": "x" })(server),
    "a wrong key": async (server, payment) =>
      asks(`/v1/payments/${payment.id}/events`, 401, { Authorization: "Bearer sk_sandbox_wrong" })(server),
    "a client that is gone before it is served": async (server, payment) => {
      const socket = await server.transports.dial();
      socket.write(`GET /v1/payments/${payment.id}/events HTTP/1.1\r\nHost: x\r\n\r\n`);
      socket.destroy();
    },
  },
});

testProtocol("Long-polling", {
  ...shared,
  connect: polling,
  tellsPast: true,
  malformed: {
    "an unknown payment": asks(`/v1/events?paymentId=${UNKNOWN_ID}`, 404),
    "no payment and no key": asks("/v1/events", 401),
    "a cursor that is none": async (server, payment) => asks(`/v1/events?paymentId=${payment.id}&after=x`, 400)(server),
    "a limit beyond the largest": async (server, payment) =>
      asks(`/v1/events?paymentId=${payment.id}&limit=100000`, 400)(server),
    "a client that leaves while it waits": async (server, payment) => {
      const before = server.transports.connections.total;
      const abort = new AbortController();
      const query = new URLSearchParams({
        paymentId: payment.id,
        waitMs: "30000",
        after: positionAt(server.core.log, await server.core.log.head()),
      });
      const polled = fetch(`${server.url}/v1/events?${query}`, { signal: abort.signal }).catch(() => null);
      await until("it to wait", () => server.transports.connections.total > before);
      abort.abort();
      await polled;
      await until("it to be gone", () => server.transports.connections.total <= before);
    },
  },
});
