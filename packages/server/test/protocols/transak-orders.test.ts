/** Transak's tables: an order of each side through every status, driven by the native API and the chain alone. */
import { DELIVERY_STATES, PAYMENT_STATUSES } from "@paybell/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventOf, type Side, statusOf } from "../../src/protocols/transak/status.ts";
import { mayStep, stepsAfter } from "../../src/protocols/transak/steps.ts";
import { TransakClient } from "../../testkit/clients/transak-client.ts";
import { TransakShop } from "../../testkit/clients/transak-shop.ts";
import { ProtocolServer } from "../../testkit/protocol-server.ts";

let server: ProtocolServer;
let shop: TransakShop;

beforeAll(async () => {
  server = await ProtocolServer.start();
  shop = await TransakShop.open(server);
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.stop();
});

const CREATED = "ORDER_CREATED AWAITING_PAYMENT_FROM_USER";
const VERIFYING = "ORDER_PAYMENT_VERIFYING PAYMENT_DONE_MARKED_BY_USER";
const PROCESSING = "ORDER_PROCESSING PROCESSING";
const PENDING = "ORDER_PROCESSING PENDING_DELIVERY_FROM_TRANSAK";
const ON_HOLD = "ORDER_PROCESSING ON_HOLD_PENDING_DELIVERY_FROM_TRANSAK";
const COMPLETED = "ORDER_COMPLETED COMPLETED";
const REFUNDED = "ORDER_REFUNDED REFUNDED";
const FAILED = "ORDER_FAILED FAILED";

const ACTIONS: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
  claim: (id) => shop.api.call("POST", `/v1/payments/${id}/claim`),
  cancel: (id) => shop.api.call("POST", `/v1/payments/${id}/cancel`),
  pay: async (id) => server.pay((await server.core.payment(id)).payment),
  mine: () => server.controls.mine(1),
  reorg: () => server.controls.reorg(2),
  expire: async (id) => {
    const { payment } = await server.core.payment(id);
    server.transports.clock.advance((payment.expiresAtMs ?? 0) - server.transports.clock.nowMs() + 1);
    await server.controls.mine(1);
    await server.core.ingest.tick();
  },
};

async function act(id: string, action: string): Promise<void> {
  const [name = "", to] = action.split(" ");
  if (to !== undefined) await shop.api.call("POST", `/v1/payments/${id}/delivery`, { to });
  else await ACTIONS[name]?.(id);
}

async function walk(side: Side, actions: readonly string[], expected: readonly string[]): Promise<void> {
  const { id } = await shop.api.createPayment({ metadata: { transak: { isBuyOrSell: side } } });
  const client = await TransakClient.open(server.transports.port, id);
  for (const action of actions) await act(id, action);
  await client.hears(expected.length);
  expect(client.told).toEqual(expected);
  expect(client.orders.at(-1)?.statusHistories.map(({ status }) => status)).toEqual(
    expected.map((told) => told.split(" ")[1]),
  );
  client.close();
}

describe("buying", () => {
  it.each([
    [
      ["claim", "pay", "mine", "mine", "delivery processing", "delivery delivering", "delivery delivered"],
      [CREATED, VERIFYING, PROCESSING, PENDING, COMPLETED],
    ],
    [
      ["pay", "mine", "mine", "delivery on_hold", "delivery delivered", "delivery refunded"],
      [CREATED, PROCESSING, PENDING, COMPLETED, REFUNDED],
    ],
    [
      ["pay", "mine", "mine", "delivery failed", "delivery refunded"],
      [CREATED, PROCESSING, FAILED, REFUNDED],
    ],
    [["cancel"], [CREATED, "ORDER_FAILED CANCELLED"]],
    [
      ["claim", "expire"],
      [CREATED, VERIFYING, "ORDER_FAILED EXPIRED"],
    ],
    [
      ["pay", "mine", "mine", "reorg", "mine", "mine"],
      [CREATED, PROCESSING, FAILED, PROCESSING],
    ],
  ])("%j is told as %j", (actions, expected) => walk("BUY", actions, expected));
});

describe("selling", () => {
  it.each([
    [
      ["claim", "pay", "mine", "mine", "delivery on_hold", "delivery delivering", "delivery delivered"],
      [CREATED, VERIFYING, PENDING, ON_HOLD, PENDING, COMPLETED],
    ],
    [
      ["pay", "mine", "mine", "delivery refunded"],
      [CREATED, VERIFYING, PENDING, REFUNDED],
    ],
    [
      ["pay", "mine", "mine", "delivery failed"],
      [CREATED, VERIFYING, PENDING, FAILED],
    ],
    [["cancel"], [CREATED, "ORDER_FAILED CANCELLED"]],
    [["expire"], [CREATED, "ORDER_FAILED EXPIRED"]],
  ])("%j is told as %j", (actions, expected) => walk("SELL", actions, expected));
});

describe("the tables", () => {
  const statuses = (side: Side) =>
    new Set(
      PAYMENT_STATUSES.flatMap((status) =>
        DELIVERY_STATES.flatMap((delivery) =>
          [null, "2026-01-01T00:00:00.000Z"].map((claimedAt) => statusOf({ status, delivery, claimedAt }, side)),
        ),
      ),
    );
  const common = [
    "AWAITING_PAYMENT_FROM_USER",
    "PAYMENT_DONE_MARKED_BY_USER",
    "PENDING_DELIVERY_FROM_TRANSAK",
    "COMPLETED",
    "EXPIRED",
    "FAILED",
    "CANCELLED",
    "REFUNDED",
  ] as const;

  it("have every status of the document's table for their side, and none of the other's", () => {
    expect(statuses("BUY")).toEqual(new Set([...common, "PROCESSING"]));
    expect(statuses("SELL")).toEqual(new Set([...common, "ON_HOLD_PENDING_DELIVERY_FROM_TRANSAK"]));
  });

  it("know an event for each", () => {
    const events = new Set([...statuses("BUY"), ...statuses("SELL")].map(eventOf));
    expect([...events].sort()).toEqual([
      "ORDER_COMPLETED",
      "ORDER_CREATED",
      "ORDER_FAILED",
      "ORDER_PAYMENT_VERIFYING",
      "ORDER_PROCESSING",
      "ORDER_REFUNDED",
    ]);
  });

  it("leave no change of status untold: what is passed over without a look never is one", async () => {
    const { id } = await shop.api.createPayment();
    for (const action of ["claim", "pay", "mine", "mine", "reorg", "mine", "mine", "mine", "delivery delivered"]) {
      await act(id, action);
    }
    for (const side of ["BUY", "SELL"] as const) {
      const records = await server.core.eventsOf(id);
      const seen = records.map(({ data }) => data.payment && statusOf(data.payment, side));
      const changes = seen.filter((status, at) => status !== seen[at - 1]);
      expect(stepsAfter([], records, side).map(({ status }) => status)).toEqual(changes);
      expect(records.filter((record) => !mayStep(record)).length).toBeGreaterThan(0);
    }
  });
});
