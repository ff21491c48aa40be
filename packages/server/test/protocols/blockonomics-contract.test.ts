/** A Blockonomics client, as the document writes it, under the suite that every protocol passes. */
import type { Payment } from "../../src/payments/payment.ts";
import { type FollowingClient, testProtocol } from "../../testkit/protocol.ts";
import type { ProtocolServer } from "../../testkit/protocol-server.ts";
import { handshake } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

async function connect(server: ProtocolServer, payment: Payment): Promise<FollowingClient> {
  const listened = server.hub.topicCount;
  const client = await server.transports.open(`/payment/${payment.address}`);
  // It says nothing when it is ready: that is the protocol.
  await until("it to listen", () => listened > 0 || server.hub.topicCount > 0);
  return {
    get heard() {
      return client.messages.map(({ status, txid }) => `${status} ${txid}`);
    },
    contained: null,
    cursor: null,
    close: async () => {
      client.ws.close();
      await client.closed;
    },
  };
}

/** Sends on a connection of its own, which is not to be answered. */
const sends = (data: string | Buffer) => async (server: ProtocolServer, payment: Payment) => {
  const client = await server.transports.open(`/payment/${payment.address}`);
  client.ws.send(data);
  client.ws.ping();
  await new Promise((resolve) => client.ws.once("pong", resolve));
  if (client.received.length > 0) throw new Error(`It was answered: ${client.received}`);
  client.ws.close();
  await client.closed;
};

const visits = (path: string) => async (server: ProtocolServer) => {
  const client = await server.transports.open(path);
  client.ws.ping();
  await new Promise((resolve) => client.ws.once("pong", resolve));
  if (client.received.length > 0) throw new Error(`It was answered: ${client.received}`);
  client.ws.close();
  await client.closed;
};

testProtocol("Blockonomics", {
  connect,
  hasCursor: false,
  tellsPast: false,
  expected(records) {
    // One transaction; what its status is says the table of the document.
    const heard: string[] = [];
    for (const { data } of records) {
      for (const transfer of data.transfers) {
        const lost = transfer.status === "replaced" || transfer.status === "dropped";
        const status = lost ? -1 : Math.min(transfer.confirmations, 2);
        const message = `${status} ${transfer.txId}`;
        if (heard.at(-1) !== message) heard.push(message);
      }
    }
    return heard;
  },
  malformed: {
    "text that is no JSON": sends("{"),
    "an empty message": sends(""),
    "a message of another protocol": sends('{"type":"subscribe","topic":"payment:1"}'),
    "binary data": sends(Buffer.from([0, 1, 2, 255])),
    "an address that is none": visits("/payment/%00%F0%9F%98%80"),
    "a very long address": visits(`/payment/${"x".repeat(2_000)}`),
    "an address of another chain": visits("/payment/1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    "a path that tries to climb": visits("/payment/..%2f..%2fetc"),
    "a handshake that is broken off": async (server, payment) => {
      const socket = await server.transports.dial();
      socket.write(handshake(`/payment/${payment.address}`).slice(0, 60));
      socket.destroy();
    },
    "a client that is gone before it is served": async (server, payment) => {
      const before = server.transports.connections.total;
      const socket = await server.transports.dial();
      socket.write(handshake(`/payment/${payment.address}`));
      socket.end();
      await until("it to be gone", () => server.transports.connections.total <= before);
    },
  },
});
