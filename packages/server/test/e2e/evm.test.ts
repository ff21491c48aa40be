/**
 * Payments on two EVM networks at once (anvil), made over HTTP, followed by a native WebSocket client from `created` to
 * `final`, through a reorganisation and a server that is killed while the chain goes on.
 */
import type { MerchantPayment } from "@paybell/protocol";
import type { Hex } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tokenTransfer } from "../../testkit/anvil/calls.ts";
import { StreamClient } from "../../testkit/clients/cursor-client.ts";
import { LiveEvm } from "../../testkit/live-evm.ts";
import { until } from "../../testkit/until.ts";

let live: LiveEvm;
/** The beginning of the log. */
let start = "";

beforeAll(async () => {
  live = await LiveEvm.start();
  start = (await live.api.call<{ next: string }>("GET", "/v1/events?limit=1")).next;
}, 60_000);
afterAll(() => live.stop());

/** A payment and a WebSocket client on it. */
class Followed {
  readonly payment: MerchantPayment;
  readonly client: StreamClient;

  static async create(request: Record<string, unknown>): Promise<Followed> {
    return new Followed(await live.api.createPayment({ amount: "1500000", ...request }));
  }

  private constructor(payment: MerchantPayment) {
    const topic = `payment:${payment.id}`;
    this.payment = payment;
    this.client = new StreamClient({ wsUrl: live.server.wsUrl, key: null, topic, after: start });
  }

  get address(): Hex {
    return this.payment.address as Hex;
  }

  /** Resolves with all that the client was told when the last of it is this. */
  async hears(type: string): Promise<string[]> {
    const types = () => this.client.told.map((event) => event.type as string);
    await until(
      () => `${type} after ${types().join(", ")}`,
      () => types().at(-1) === type,
    );
    return types();
  }

  /** The client was told the whole history, in order, each event once. */
  async end(): Promise<void> {
    const history = await live.api.allEvents(this.payment.id);
    await until("the client to catch up", () => this.client.told.length >= history.length);
    expect(this.client.told.map(({ id }) => id)).toEqual(history.map(({ id }) => id));
    expect(this.client.errors).toEqual([]);
    await this.client.stop();
  }
}

test("mempool, block, two confirmations, final: the client hears every step in order", async () => {
  const { chain } = live.ethereum;
  const followed = await Followed.create({ chain: "ethereum", asset: "ETH", address: chain.newAddress() });
  expect(followed.payment.uri).toBe(`ethereum:${followed.address}@31337?value=1500000`);
  const txId = await chain.send([{ to: followed.address, value: 1_500_000n }]);
  await followed.hears("payment.confirming");
  await chain.mine(1);
  await followed.hears("transfer.included");
  await chain.mine(1);
  await followed.hears("payment.paid");
  await chain.mine(4);
  expect(await followed.hears("payment.finalized")).toEqual([
    "payment.created",
    "transfer.seen",
    "payment.confirming",
    "transfer.included",
    "transfer.confirmed",
    "payment.paid",
    "transfer.final",
    "payment.finalized",
  ]);
  await followed.end();
  expect(await live.api.payment(followed.payment.id)).toMatchObject({ status: "final", txId, received: "1500000" });
}, 60_000);

test("a reorganisation takes the payment back, and gives it again", async () => {
  const { chain, token } = live.ethereum;
  const followed = await Followed.create({ chain: "ethereum", asset: "USDT", address: chain.newAddress() });
  expect(followed.payment.uri).toMatch(new RegExp(`^ethereum:${token}@31337/transfer\\?address=`, "i"));
  await chain.send([tokenTransfer(token, followed.address, 1_500_000n)], [token]);
  await followed.hears("payment.confirming");
  await chain.mine(2);
  await followed.hears("payment.paid");
  await chain.reorg(2, "mempool");
  expect(await followed.hears("payment.reversed")).toContain("payment.reorged");
  await chain.mine(6);
  expect(await followed.hears("payment.finalized")).toContain("payment.recovered");
  await followed.end();
  expect((await live.api.payment(followed.payment.id)).flags).toContain("reorged");
}, 60_000);

test("one address on two networks: what is paid on one settles nothing on the other", async () => {
  const { ethereum, polygon } = live;
  const address = ethereum.chain.newAddress();
  const there = await Followed.create({ chain: "polygon", asset: "USDT", address });
  const here = await Followed.create({ chain: "ethereum", asset: "USDT", address });
  await polygon.chain.send([tokenTransfer(polygon.token, address, 1_500_000n)], [polygon.token]);
  await polygon.chain.mine(6);
  await there.hears("payment.finalized");
  await ethereum.chain.mine(6);
  const other = await Followed.create({ chain: "ethereum", asset: "ETH", address: ethereum.chain.newAddress() });
  await ethereum.chain.send([{ to: other.address, value: 1_500_000n }]);
  await ethereum.chain.mine(2);
  await other.hears("payment.paid");
  expect(await here.hears("payment.created")).toEqual(["payment.created"]);
  for (const followed of [there, here, other]) await followed.end();
}, 60_000);

test("killed while the chain goes on: nothing is missing afterwards", async () => {
  const { chain, token } = live.polygon;
  const followed = await Followed.create({ chain: "polygon", asset: "USDT", address: chain.newAddress() });
  await followed.hears("payment.created");
  await live.server.kill9();
  await chain.send([tokenTransfer(token, followed.address, 1_500_000n)], [token]);
  await chain.mine(3);
  await live.server.restart();
  expect(await followed.hears("payment.paid")).toContain("transfer.confirmed");
  await chain.mine(3);
  await followed.hears("payment.finalized");
  await followed.end();
}, 60_000);
