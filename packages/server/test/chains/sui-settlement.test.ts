/**
 * identiPay's settlement on Sui: several proposals share one address and are told apart by their intent hash. Anybody can
 * emit an event with that hash; a payment is settled by what came to its address, in its coin, of its amount.
 */
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BalanceChange, SUI_TYPE } from "../../testkit/sui/ledger.ts";
import { LOOKALIKE_TYPE, type SuiUnderTest, suiAddress, suiHarness, USDC } from "../../testkit/sui-harness.ts";
import { until } from "../../testkit/until.ts";
import { Bench } from "../../testkit/watching/bench.ts";

const SHOP = suiAddress("the shop");
const ATTACKER = suiAddress("the attacker");
const AMOUNT = 12_500_000n;

let bench: Bench;

beforeEach(async () => {
  bench = await Bench.open(suiHarness);
});
afterEach(async () => {
  await bench.close();
});

const node = () => (bench.chain as SuiUnderTest).node;
const intentHash = (name: string) => createHash("sha256").update(name).digest("hex");

async function proposal(name: string, address = SHOP): Promise<string> {
  const match = { intentHash: intentHash(name) };
  const { payment } = await bench.core.create({
    asset: "USDC",
    amountAtomic: AMOUNT,
    address,
    match,
    confirmations: 1,
  });
  return payment.id;
}

const change = (address: string, amount: bigint, coinType = USDC.coinType): BalanceChange => ({
  address,
  coinType,
  amount,
});

/** In a checkpoint of its own, with the hashes of these proposals in events. Returns the digest. */
function settle(names: readonly string[], changes: readonly BalanceChange[], success = true): string {
  const events = names.map((name) => ({
    packageId: suiAddress("anybody's package"),
    json: { intent_hash: Buffer.from(intentHash(name), "hex").toString("base64"), amount: AMOUNT.toString() },
  }));
  const digest = node().ledger.execute({ changes, events, success });
  node().certify(1);
  return digest;
}

const pays = (amount: bigint, coinType?: string, to = SHOP) => [
  change(to, amount, coinType),
  change(ATTACKER, -amount, coinType),
];

async function statusOf(paymentId: string): Promise<string> {
  return (await bench.core.payment(paymentId)).payment.status;
}

/** Everything before it has been reported when this one is settled. */
async function somebodySettles(): Promise<void> {
  const paymentId = await proposal("somebody else", suiAddress("another address"));
  settle(["somebody else"], pays(AMOUNT, USDC.coinType, suiAddress("another address")));
  await until("somebody else's payment", async () => (await statusOf(paymentId)) === "paid");
}

const ATTACKS: [string, () => string][] = [
  ["a worthless coin of the same name", () => settle(["order"], pays(AMOUNT, LOOKALIKE_TYPE))],
  ["another coin that is accepted", () => settle(["order"], pays(AMOUNT, SUI_TYPE))],
  ["the attacker as the recipient", () => settle(["order"], [change(ATTACKER, AMOUNT), change(ATTACKER, -AMOUNT)])],
  [
    "a recipient who is not the shop",
    () => settle(["order"], pays(AMOUNT, USDC.coinType, suiAddress("the accomplice"))),
  ],
  ["one unit too little", () => settle(["order"], pays(AMOUNT - 1n))],
  ["one unit", () => settle(["order"], pays(1n))],
  ["nothing but the event", () => settle(["order"], [change(ATTACKER, -1_000n, SUI_TYPE)])],
  ["a transaction that failed", () => settle(["order"], pays(AMOUNT), false)],
  ["gas that came back to the shop", () => settle(["order"], [change(SHOP, AMOUNT, SUI_TYPE)])],
  ["the right payment, but another proposal's hash", () => settle(["no order"], pays(AMOUNT))],
  ["the right payment, but no hash", () => settle([], pays(AMOUNT))],
];

describe("a proposal is never settled by", () => {
  it.each(ATTACKS)("%s", async (_, attack) => {
    const order = await proposal("order");
    attack();
    await somebodySettles();
    expect(await statusOf(order)).toBe("pending");
    expect((await bench.core.eventsOf(order)).map(({ type }) => type)).not.toContain("payment.paid");
  });

  it("all of these one after the other, and then it is settled by the right one", async () => {
    const order = await proposal("order");
    for (const [, attack] of ATTACKS.filter(([name]) => !name.startsWith("one unit"))) attack();
    const digest = settle(["order"], pays(AMOUNT));
    await until("the settlement", async () => (await statusOf(order)) === "paid");
    const { payment } = await bench.core.payment(order);
    expect([payment.coveringTxId, payment.receivedAtomic]).toEqual([digest, AMOUNT]);
  });
});

describe("several proposals on one address", () => {
  it("are told apart by their hashes", async () => {
    const orders = [await proposal("first"), await proposal("second"), await proposal("third")];
    settle(["third"], pays(AMOUNT));
    settle(["first"], pays(AMOUNT));
    await until("the first", async () => (await statusOf(orders[0] as string)) === "paid");
    expect(await Promise.all(orders.map(statusOf))).toEqual(["paid", "pending", "paid"]);
  });

  it("are not settled together by one payment with both of their hashes", async () => {
    const orders = [await proposal("first"), await proposal("second")];
    settle(["first", "second"], pays(AMOUNT));
    await somebodySettles();
    const statuses = await Promise.all(orders.map(statusOf));
    expect(statuses.toSorted()).toEqual(["paid", "pending"]);
  });

  it("get nothing of what carries no hash that is waited for: it is told to the merchant", async () => {
    const order = await proposal("order");
    const digest = settle(["no order"], pays(AMOUNT));
    const stray = await until("the stray transfer", async () =>
      (await bench.core.eventsOfMerchant()).find(({ type }) => type === "transfer.unattributed"),
    );
    expect(stray.data).toMatchObject({
      transfers: [{ txId: digest }],
      unattributed: { why: "no_match", asset: "USDC", address: SHOP },
    });
    expect(await statusOf(order)).toBe("pending");
  });

  it("are settled by several payments with the hash, when together they cover it", async () => {
    const order = await proposal("order");
    settle(["order"], pays(AMOUNT - 1n));
    const digest = settle(["order"], pays(1n));
    await until("the settlement", async () => (await statusOf(order)) === "paid");
    expect((await bench.core.payment(order)).payment.coveringTxId).toBe(digest);
  });
});
