/** identiPay clients, over the WebSocket and over server-sent events, under the suite that every protocol passes. */
import { EventSource } from "eventsource";
import type { LogRecord } from "../../src/log/event-log.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { type FollowingClient, type ProtocolHarness, testProtocol } from "../../testkit/protocol.ts";
import type { ProtocolServer } from "../../testkit/protocol-server.ts";
import { handshake } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

interface Message {
  status: string;
  suiTxDigest: string | null;
}

const pathOf = (payment: Payment) => `/ws/transactions/${payment.id}`;
const shown = ({ status, suiTxDigest }: Message) => `${status} ${suiTxDigest}`;

/** How the transaction stood, one state after the other: the first message of a client is the state at that moment, so
 * whenever it came, what it hears is the end of this list. */
function states(records: readonly LogRecord[]): readonly string[] {
  const heard: string[] = [];
  for (const { data } of records) {
    const settled = data.payment?.status === "paid" || data.payment?.status === "final";
    const state = settled ? `settled ${data.payment?.txId}` : "pending null";
    if (heard.at(-1) !== state) heard.push(state);
  }
  return heard;
}

async function followSocket(server: ProtocolServer, payment: Payment): Promise<FollowingClient> {
  const client = await server.transports.open(pathOf(payment));
  await until("the first message", () => client.received.length > 0);
  return {
    get heard() {
      return client.messages.map((message) => shown(message as unknown as Message));
    },
    contained: null,
    cursor: null,
    close: async () => {
      client.ws.close();
      await client.closed;
    },
  };
}

async function followEvents(server: ProtocolServer, payment: Payment): Promise<FollowingClient> {
  const heard: string[] = [];
  const source = new EventSource(`${server.url}/sse/transactions/${payment.id}`);
  source.onmessage = ({ data }) => heard.push(shown(JSON.parse(data) as Message));
  await until("the first message", () => heard.length > 0);
  return { heard, contained: null, cursor: null, close: async () => source.close() };
}

const sends =
  (...data: (string | Buffer)[]) =>
  async (server: ProtocolServer, payment: Payment) => {
    const client = await server.transports.open(pathOf(payment));
    await until("the first message", () => client.received.length > 0);
    for (const each of data) client.ws.send(each);
    client.ws.ping();
    await new Promise((resolve) => client.ws.once("pong", resolve));
    if (client.received.length > 1) throw new Error(`It was answered: ${client.received}`);
    client.ws.close();
    await client.closed;
  };

const visits = (path: string) => async (server: ProtocolServer) => {
  const client = await server.transports.open(path);
  const { code } = await client.closed;
  if (code !== 4004) throw new Error(`Closed with ${code}`);
};

const asks = (path: string) => async (server: ProtocolServer) => {
  const answer = await fetch(server.url + path);
  await answer.text();
};

const harness: Pick<ProtocolHarness, "expected" | "hasCursor" | "tellsPast"> = {
  expected: states,
  hasCursor: false,
  tellsPast: false,
};

testProtocol("identiPay's WebSocket", {
  ...harness,
  connect: followSocket,
  malformed: {
    "text that is no JSON": sends("{"),
    "an empty message": sends(""),
    "a message of another protocol": sends('{"type":"subscribe","topic":"payment:1"}'),
    "binary data": sends(Buffer.from([0, 1, 2, 255])),
    "as many pings as are allowed": sends(...Array.from({ length: 90 }, () => '{"type":"ping"}')),
    "an id that is none": visits("/ws/transactions/%00%F0%9F%98%80"),
    "an id of nothing": visits("/ws/transactions/f47ac10b-58cc-4372-a567-0e02b2c3d479"),
    "a very long id": visits(`/ws/transactions/${"x".repeat(2_000)}`),
    "a path that tries to climb": visits("/ws/transactions/..%2f..%2fetc"),
    "a handshake that is broken off": async (server, payment) => {
      const socket = await server.transports.dial();
      socket.write(handshake(pathOf(payment)).slice(0, 60));
      socket.destroy();
    },
    "a client that is gone before it is served": async (server, payment) => {
      const before = server.transports.connections.total;
      const socket = await server.transports.dial();
      socket.write(handshake(pathOf(payment)));
      socket.end();
      await until("it to be gone", () => server.transports.connections.total <= before);
    },
  },
});

testProtocol("identiPay's server-sent events", {
  ...harness,
  connect: followEvents,
  malformed: {
    "an id that is none": asks("/sse/transactions/%00"),
    "an id of nothing": asks("/sse/transactions/f47ac10b-58cc-4372-a567-0e02b2c3d479"),
    "a very long id": asks(`/sse/transactions/${"x".repeat(600)}`),
    "an id that cannot be decoded": asks("/sse/transactions/%E0%A4%A"),
    "a client that is gone at once": async (server, payment) => {
      const abort = new AbortController();
      await fetch(`${server.url}/sse/transactions/${payment.id}`, { signal: abort.signal });
      abort.abort();
    },
  },
});
