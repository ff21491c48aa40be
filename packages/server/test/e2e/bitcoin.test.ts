/**
 * A payment on a real Bitcoin node (bcoin, regtest), made over HTTP, followed by the four kinds of clients, through
 * reorganisations, a double spend, several transfers, and a server that is killed while the chain goes on.
 */
import type { MerchantPayment, PaymentEvent } from "@paybell/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiError } from "../../testkit/clients/api.ts";
import { BlockonomicsClient } from "../../testkit/clients/blockonomics-client.ts";
import { type CursorClient, PollingClient, SseClient, StreamClient } from "../../testkit/clients/cursor-client.ts";
import { LiveBitcoin } from "../../testkit/live-bitcoin.ts";
import { until } from "../../testkit/until.ts";

const AMOUNT = "100000";

let live: LiveBitcoin;

beforeAll(async () => {
  live = await LiveBitcoin.start();
});
afterAll(async () => {
  await live.stop();
});

/** One payment and a client of each kind on it. */
class Followed {
  readonly payment: MerchantPayment;
  readonly address: string;
  readonly cursorClients: readonly CursorClient[];
  readonly blockonomics: BlockonomicsClient;

  private constructor(payment: MerchantPayment) {
    const { id: paymentId, address } = payment;
    const { server, key } = live;
    this.payment = payment;
    this.address = address as string;
    this.cursorClients = [
      new StreamClient({ wsUrl: server.wsUrl, key: null, topic: `payment:${paymentId}`, after: start }),
      new SseClient({ url: server.url, paymentId }),
      new PollingClient({ url: server.url, key, after: start, paymentId }),
    ];
    this.blockonomics = new BlockonomicsClient({ wsUrl: server.wsUrl, address: this.address });
  }

  static async create(request: Record<string, unknown> = {}): Promise<Followed> {
    return new Followed(await live.api.createPayment({ amount: AMOUNT, asset: "BTC", chain: "bitcoin", ...request }));
  }

  pay(amount = AMOUNT, options: { rbf?: boolean } = {}): Promise<string> {
    return live.node.pay([{ address: this.address, amountAtomic: BigInt(amount) }], options);
  }

  async history(): Promise<PaymentEvent[]> {
    return live.api.allEvents(this.payment.id);
  }

  /** Resolves with the payment's event types when the last is this one. */
  async reaches(type: string): Promise<string[]> {
    let types: string[] = [];
    await until(
      () => `${type} after ${types.join(", ")}`,
      async () => {
        types = (await this.history()).map((event) => event.type);
        return types.at(-1) === type;
      },
    );
    return types;
  }

  /** Every client with a cursor was told the whole history, in order, each event once. */
  async allWereTold(): Promise<void> {
    const history = await this.history();
    for (const client of this.cursorClients) {
      await until("a client to catch up", () => client.told.length >= history.length);
      expect(client.told.map(({ id, type }) => [id, type])).toEqual(history.map(({ id, type }) => [id, type]));
    }
    await Promise.all(this.cursorClients.map((client) => client.stop()));
    this.blockonomics.stop();
  }
}

let start = "";
beforeAll(async () => {
  start = (await live.api.call<{ next: string }>("GET", "/v1/events?limit=1")).next;
});

test("derived address, mempool, block, two confirmations, final: every client sees every step in order", async () => {
  const followed = await Followed.create({ reference: "order-1" });
  expect(followed.address).toBe("bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk");
  expect(followed.payment.uri).toBe(`bitcoin:${followed.address}?amount=0.001`);
  const txId = await followed.pay();
  await followed.reaches("payment.confirming");
  await live.node.mine(1);
  await followed.reaches("transfer.included");
  await live.node.mine(1);
  await followed.reaches("payment.paid");
  await live.node.mine(4);
  expect(await followed.reaches("payment.finalized")).toEqual([
    "payment.created",
    "transfer.seen",
    "payment.confirming",
    "transfer.included",
    "transfer.confirmed",
    "payment.paid",
    "transfer.final",
    "payment.finalized",
  ]);
  await followed.allWereTold();
  expect(followed.blockonomics.told).toEqual(
    [0, 1, 2].map((status) => ({ status, timestamp: expect.any(Number), value: Number(AMOUNT), txid: txId })),
  );
  expect(await live.api.payment(followed.payment.id)).toMatchObject({ status: "final", txId, received: AMOUNT });
}, 60_000);

test("a reorganisation takes the payment back, and gives it again", async () => {
  const followed = await Followed.create();
  const txId = await followed.pay();
  await followed.reaches("payment.confirming");
  await live.node.mine(2);
  await followed.reaches("payment.paid");
  await live.node.reorg(2, "mempool");
  expect(await followed.reaches("payment.reversed")).toContain("payment.reorged");
  await live.node.mine(2);
  const types = await followed.reaches("payment.paid");
  expect(types.slice(types.indexOf("payment.reversed"))).toContain("payment.recovered");
  await live.node.mine(4);
  await followed.reaches("payment.finalized");
  await followed.allWereTold();
  const statuses = followed.blockonomics.statusesOf(txId);
  expect(statuses.lastIndexOf(0)).toBeGreaterThan(statuses.indexOf(2));
  expect(statuses.at(-1)).toBe(2);
  expect((await live.api.payment(followed.payment.id)).flags).toContain("reorged");
}, 60_000);

test("a double spend is told, and never settles", async () => {
  const followed = await Followed.create();
  const txId = await followed.pay(AMOUNT, { rbf: true });
  await followed.reaches("payment.confirming");
  const rival = await live.node.doubleSpend(txId);
  const types = await followed.reaches("payment.double_spend");
  expect(types).toContain("transfer.replaced");
  await live.node.mine(6);
  await followed.allWereTold();
  const payment = await live.api.payment(followed.payment.id);
  expect(payment).toMatchObject({ status: "pending", received: "0", txId: null });
  expect(payment.flags).toContain("double_spend");
  const replaced = (await followed.history()).find((event) => event.type === "transfer.replaced");
  expect(replaced?.data.replacedBy).toBe(rival);
  expect(followed.blockonomics.statusesOf(txId)).toEqual([0, -1]);
}, 60_000);

test("two transfers to one address: together they cover it, and one more is too much", async () => {
  const followed = await Followed.create();
  await followed.pay("60000");
  await followed.reaches("payment.partially_paid");
  await followed.pay("40000");
  await followed.reaches("payment.confirming");
  await live.node.mine(2);
  await followed.reaches("payment.paid");
  await followed.pay("5000");
  await followed.reaches("payment.overpaid");
  expect(await live.api.payment(followed.payment.id)).toMatchObject({
    status: "paid",
    amountState: "over",
    received: "105000",
    flags: ["multiple"],
  });
  await followed.allWereTold();
}, 60_000);

test("a second payment on an address that another one waits on is refused", async () => {
  const first = await live.api.createPayment({ amount: AMOUNT, asset: "BTC", chain: "bitcoin" });
  const { address } = first;
  const second = live.api.createPayment({ amount: AMOUNT, asset: "BTC", chain: "bitcoin", address });
  await expect(second).rejects.toMatchObject({ status: 409, code: "address_in_use" });
  await expect(second).rejects.toBeInstanceOf(ApiError);
});

test("killed while the chain goes on: paid in time and seen late is paid, and nothing is missing", async () => {
  const followed = await Followed.create({ expiresInSeconds: 60 });
  const expiring = await Followed.create({ expiresInSeconds: 5 });
  await live.server.kill9();
  await followed.pay();
  const txId = await expiring.pay();
  await live.node.mine(1);
  // The short one's time runs out while nobody watches; it was paid before.
  await new Promise((resolve) => setTimeout(resolve, 5_500));
  await live.server.restart();
  await expiring.reaches("payment.confirming");
  await live.node.mine(1);
  await followed.reaches("payment.paid");
  const types = await expiring.reaches("payment.paid");
  expect(types).not.toContain("payment.expired");
  expect((await live.api.payment(expiring.payment.id)).flags).toEqual([]);
  await followed.allWereTold();
  await expiring.allWereTold();
  await until("the Blockonomics client", () => expiring.blockonomics.statusesOf(txId).at(-1) === 2);
}, 60_000);
