/** Tributary clients, on both engine transports and of both kinds of payment, under the suite that all protocols pass. */
import { randomUUID } from "node:crypto";
import type { Payment } from "../../src/payments/payment.ts";
import { executionOf } from "../../src/protocols/tributary/execution.ts";
import { TributaryClient } from "../../testkit/clients/tributary-client.ts";
import { type FollowingClient, type ProtocolHarness, testProtocol } from "../../testkit/protocol.ts";
import type { ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

const following =
  (transports: string[]) =>
  async (server: ProtocolServer, payment: Payment): Promise<FollowingClient> => {
    const client = await TributaryClient.open(server.url, { transports });
    await client.subscribe(payment.reference);
    return {
      get heard() {
        return client.signatures;
      },
      contained: null,
      cursor: null,
      close: async () => client.close(),
    };
  };

const answersError =
  (transports: string[], ...args: unknown[]) =>
  async (server: ProtocolServer): Promise<void> => {
    const client = await TributaryClient.open(server.url, { transports });
    for (const event of ["subscribe", "unsubscribe"]) {
      const answer = await client.send(event, ...args);
      if (!answer.startsWith("INVALID_TRACKING_ID")) throw new Error(`It was answered: ${answer}`);
    }
    client.close();
  };

const isCutOff =
  (transports: string[], ...args: unknown[]) =>
  async (server: ProtocolServer): Promise<void> => {
    const client = await TributaryClient.open(server.url, { transports, reconnection: false });
    client.io.socket.emit("subscribe", ...args);
    await until("the end", () => client.io.disconnects.length > 0);
  };

function harness(transports: string[], amountAtomic: bigint | null): ProtocolHarness {
  return {
    request: () => ({ reference: `order-${randomUUID()}`, amountAtomic }),
    connect: following(transports),
    expected: (records) => {
      const executed = records.map(executionOf).filter((execution) => execution !== null);
      return [...new Set(executed.map(({ signature }) => signature))];
    },
    hasCursor: false,
    tellsPast: true,
    malformed: {
      "no payload": answersError(transports),
      null: answersError(transports, null),
      "an id that is a number": answersError(transports, { trackingId: 7 }),
      "a payload that is larger than any message": isCutOff(transports, { trackingId: "x".repeat(100_000) }),
      "an event that nobody knows": async (server) => {
        const client = await TributaryClient.open(server.url, { transports });
        client.io.socket.emit("constructor", { trackingId: "x" });
        await client.unsubscribe("x");
        client.close();
      },
      "a client that is gone before it is served": async (server, payment) => {
        const client = await TributaryClient.open(server.url, { transports });
        for (let sent = 0; sent < 20; sent += 1) client.io.socket.emit("subscribe", { trackingId: payment.reference });
        client.io.socket.io.engine.close();
        client.close();
      },
    },
  };
}

testProtocol("Tributary over WebSocket", harness(["websocket"], 1_000_000n));
testProtocol("Tributary over HTTP long-polling", harness(["polling"], 1_000_000n));
testProtocol("Tributary's standing payments", harness(["websocket"], null));
