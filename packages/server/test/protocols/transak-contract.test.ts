/** Transak's clients, on each kind of channel, under the suite that every protocol passes. */
import { randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import type { LogRecord } from "../../src/log/event-log.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { stepsAfter } from "../../src/protocols/transak/steps.ts";
import { type ToldOrder, TransakClient } from "../../testkit/clients/transak-client.ts";
import { TransakShop } from "../../testkit/clients/transak-shop.ts";
import { type FollowingClient, type ProtocolHarness, testProtocol } from "../../testkit/protocol.ts";
import type { ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

const shops = new Map<ProtocolServer, Promise<TransakShop>>();
const shopOf = (server: ProtocolServer) => {
  const shop = shops.get(server) ?? TransakShop.open(server);
  shops.set(server, shop);
  return shop;
};

const shown = ({ status, eventId }: Pick<ToldOrder, "status" | "eventId">) => `${status} ${eventId}`;

/** Whenever a client comes, it is told the latest step first, or all of them. */
function expected(records: readonly LogRecord[]): readonly string[] {
  return stepsAfter([], records, "BUY").map(({ status, offset }) =>
    shown({ status, eventId: records.find((record) => record.offset === offset)?.id ?? "" }),
  );
}

/** @param read an event's data → the order */
async function follow(
  server: ProtocolServer,
  payment: Payment,
  channel: string,
  read: (data: unknown) => unknown = (data) => data,
): Promise<FollowingClient> {
  const client = await TransakClient.open(server.transports.port, channel);
  const orders = () => client.heard.map(({ data }) => read(data) as ToldOrder).filter(({ id }) => id === payment.id);
  await until("the past", () => orders().length > 0);
  return {
    get heard() {
      return orders().map(shown);
    },
    contained: null,
    cursor: null,
    close: async () => client.close(),
  };
}

const subscribes = (channel: string | ((apiKey: string, payment: Payment) => string)) => {
  return async (server: ProtocolServer, payment: Payment) => {
    const { apiKey } = await shopOf(server);
    const name = typeof channel === "string" ? channel : channel(apiKey, payment);
    const client = await TransakClient.open(server.transports.port, name);
    if (client.heard.length > 0) throw new Error(`It was told ${JSON.stringify(client.heard)}`);
    client.close();
  };
};

const harness: Omit<ProtocolHarness, "connect"> = {
  request: () => ({ reference: `order-${randomUUID()}`, metadata: { transak: { isBuyOrSell: "BUY" } } }),
  expected,
  hasCursor: false,
  tellsPast: false,
  malformed: {
    "a channel of nobody": subscribes("some-channel"),
    "an order that is not there": subscribes("f47ac10b-58cc-4372-a567-0e02b2c3d479"),
    "an order id in capitals": subscribes((_key, { id }) => id.toUpperCase()),
    "an API key that is not there": subscribes("pk_sandbox_nobody"),
    "a reference of nothing": subscribes((apiKey) => `${apiKey}_nothing`),
    "a name that only begins like a reference's": subscribes((apiKey) => `${apiKey}_`),
    "a name with characters that no channel has": subscribes("order id"),
    "a client that is gone at once": async (server, payment) => {
      new TransakClient(server.transports.port, payment.id).close();
    },
  },
};

testProtocol("Transak's order channel", {
  ...harness,
  connect: (server, payment) => follow(server, payment, payment.id),
});

testProtocol("Transak's partner order channel", {
  ...harness,
  connect: async (server, payment) => follow(server, payment, `${(await shopOf(server)).apiKey}_${payment.reference}`),
});

testProtocol("Transak's API-key channel", {
  ...harness,
  tellsPast: true,
  connect: async (server, payment) => {
    const { apiKey, accessToken } = await shopOf(server);
    return follow(server, payment, apiKey, (data) => jwt.verify(String(data), accessToken));
  },
});

testProtocol("Transak's encrypted channel", {
  ...harness,
  tellsPast: true,
  connect: async (server, payment) => follow(server, payment, `private-encrypted-${(await shopOf(server)).apiKey}`),
});
