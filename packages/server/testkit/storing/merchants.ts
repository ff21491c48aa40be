/** Merchants, keys, and the indexes of extended public keys. */
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type ApiKey, CLOSED_SETTINGS, type Merchant } from "../../src/log/store.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { type MakeHome, type OpenStore, openForAll } from "./home.ts";
import { change, creation, recordsIn, samplePayment, sampleTransfer } from "./samples.ts";

export function testMerchants(make: MakeHome): void {
  describe("merchants", () => {
    const store = openForAll(make);
    testMerchantRows(store);
    testAddresses(store);
    testSettings(store);
    testKeys(store);
    testDerivation(store);
  });
  describe("derivation indexes after a restart", () => testDerivationAfterRestart(make));
}

function testMerchantRows(store: () => OpenStore): void {
  test("merchants come back as they were made, the oldest first, with their extended public keys", async () => {
    const { merchants } = store();
    const younger: Merchant = { id: "a", name: "Äpfel & Co", createdAtMs: 2, xpubs: {} };
    const older: Merchant = { id: "b", name: "Brot", createdAtMs: 1, xpubs: { bitcoin: "xpub1", litecoin: "xpub2" } };
    await merchants.createMerchant(younger);
    await merchants.createMerchant(older);
    const mine = (await merchants.merchants()).filter(({ id }) => id === "a" || id === "b");
    expect(mine).toEqual([older, younger]);
    await merchants.setXpub("a", "bitcoin", "xpub3");
    await merchants.setXpub("b", "bitcoin", "xpub4");
    expect(await merchants.merchant("a")).toEqual({ ...younger, xpubs: { bitcoin: "xpub3" } });
    expect(await merchants.merchant("b")).toEqual({ ...older, xpubs: { bitcoin: "xpub4", litecoin: "xpub2" } });
    expect(await merchants.merchant("c")).toBeNull();
  });

  test("a merchant is made once, and nothing is kept of one who could not be made", async () => {
    const { merchants } = store();
    const merchant: Merchant = { id: randomUUID(), name: "First", createdAtMs: 3, xpubs: {} };
    await merchants.createMerchant(merchant);
    const again = { ...merchant, name: "Second", xpubs: { bitcoin: "xpub" } };
    await expect(merchants.createMerchant(again)).rejects.toThrow();
    expect(await merchants.merchant(merchant.id)).toEqual(merchant);
    await expect(merchants.setXpub("nobody", "bitcoin", "xpub")).rejects.toThrow();
  });
}

function testAddresses(store: () => OpenStore): void {
  test("a merchant has one address on each chain, and no other merchant has it", async () => {
    const { merchants } = store();
    const [one, other] = [randomUUID(), randomUUID()];
    for (const id of [one, other]) await merchants.createMerchant({ id, name: id, createdAtMs: 5, xpubs: {} });
    expect(await merchants.addresses(one)).toEqual({});
    await merchants.setAddress(one, "sui", "first");
    await merchants.setAddress(one, "sui", "second");
    await merchants.setAddress(one, "solana", "third");
    expect(await merchants.addresses(one)).toEqual({ sui: "second", solana: "third" });
    await merchants.setAddress(other, "sui", "first");
    await expect(merchants.setAddress(other, "sui", "second")).rejects.toThrow();
    expect(await merchants.addresses(other)).toEqual({ sui: "first" });
    await expect(merchants.setAddress(randomUUID(), "sui", "fourth")).rejects.toThrow();
  });
}

function testSettings(store: () => OpenStore): void {
  test("settings are closed until they are changed, one by one, for one merchant", async () => {
    const { merchants } = store();
    const [one, other] = [randomUUID(), randomUUID()];
    for (const id of [one, other]) await merchants.createMerchant({ id, name: id, createdAtMs: 5, xpubs: {} });
    expect(await merchants.settings(one)).toEqual(CLOSED_SETTINGS);
    await merchants.changeSettings(one, { openReferences: true, sessionSecret: "s".repeat(32) });
    await merchants.changeSettings(one, { openReferences: false, openOrders: true });
    const changed = { ...CLOSED_SETTINGS, openOrders: true, sessionSecret: "s".repeat(32) };
    expect(await merchants.settings(one)).toEqual(changed);
    await merchants.changeSettings(one, { sessionSecret: null });
    expect(await merchants.settings(one)).toEqual({ ...changed, sessionSecret: null });
    expect(await merchants.settings(other)).toEqual(CLOSED_SETTINGS);
  });

  test("there are no settings of a merchant who is not there", async () => {
    const { merchants } = store();
    await expect(merchants.changeSettings(randomUUID(), { openOrders: true })).rejects.toThrow();
  });
}

function testKeys(store: () => OpenStore): void {
  test("a key is found by its hash until it is revoked, and stays in the list", async () => {
    const { merchants } = store();
    const merchantId = randomUUID();
    await merchants.createMerchant({ id: merchantId, name: "Keys", createdAtMs: 4, xpubs: {} });
    const key = (kind: ApiKey["kind"], createdAtMs: number): ApiKey => ({
      id: randomUUID(),
      merchantId,
      kind,
      hash: randomUUID(),
      hint: "sk_live_1",
      createdAtMs,
      revokedAtMs: null,
    });
    const [secret, publishable] = [key("secret", 2), key("publishable", 1)];
    await merchants.createKey(secret);
    await merchants.createKey(publishable);
    expect(await merchants.keys(merchantId)).toEqual([publishable, secret]);
    expect(await merchants.keyByHash(secret.hash)).toEqual(secret);
    expect(await merchants.revokeKey(secret.id, 5)).toBe(true);
    expect(await merchants.revokeKey(secret.id, 6)).toBe(false);
    expect(await merchants.revokeKey("unknown", 6)).toBe(false);
    expect(await merchants.keyByHash(secret.hash)).toBeNull();
    expect(await merchants.keyByHash("unknown")).toBeNull();
    expect(await merchants.keys(merchantId)).toEqual([publishable, { ...secret, revokedAtMs: 5 }]);
    await expect(merchants.createKey({ ...key("secret", 3), hash: publishable.hash })).rejects.toThrow();
    await expect(merchants.createKey({ ...key("secret", 3), merchantId: "nobody" })).rejects.toThrow();
  });
}

function testDerivation(store: () => OpenStore): void {
  const take = (derivedFrom: string, gapLimit = 3) =>
    store().merchants.takeDerivationIndex("bitcoin", derivedFrom, gapLimit);
  const pay = async (payment: Payment) =>
    recordsIn(await store().log.append([change(payment, {}, { transfers: [sampleTransfer(payment)] })]));

  test("indexes count from 0 for each key on each chain, up to the gap limit", async () => {
    const [one, other] = [randomUUID(), randomUUID()];
    expect([await take(one), await take(one), await take(one), await take(one)]).toEqual([0, 1, 2, null]);
    expect(await take(one, 4)).toBe(3);
    expect([await take(other), await store().merchants.takeDerivationIndex("litecoin", one, 3)]).toEqual([0, 0]);
  });

  test("a paid address moves the gap behind it, whichever merchant was paid", async () => {
    const { log } = store();
    const derivedFrom = randomUUID();
    const derived = (merchantId: string, derivationIndex: number | null) =>
      creation(samplePayment({ merchantId, chain: "bitcoin", derivationIndex }), { derivedFrom });
    const made = [
      derived("one", await take(derivedFrom)),
      derived("other", await take(derivedFrom)),
      derived("one", await take(derivedFrom)),
    ];
    recordsIn(await log.append(made));
    expect(await take(derivedFrom)).toBeNull();
    await pay(made[1]?.payment as Payment);
    expect([await take(derivedFrom), await take(derivedFrom), await take(derivedFrom)]).toEqual([3, 4, null]);
    await pay(made[0]?.payment as Payment);
    expect(await take(derivedFrom)).toBeNull();
  });

  test("a payment to an address of the old key does not move the gap of the new one", async () => {
    const { log } = store();
    const [older, newer] = [randomUUID(), randomUUID()];
    const payment = samplePayment({ chain: "bitcoin", derivationIndex: await take(older) });
    recordsIn(await log.append([creation(payment, { derivedFrom: older })]));
    expect([await take(newer, 2), await take(newer, 2)]).toEqual([0, 1]);
    await pay(payment);
    expect(await take(newer, 2)).toBeNull();
    expect([await take(older, 2), await take(older, 2)]).toEqual([1, 2]);
  });

  test("a transfer to an address that the caller brought moves no gap", async () => {
    const derivedFrom = randomUUID();
    expect([await take(derivedFrom, 1), await take(derivedFrom, 1)]).toEqual([0, null]);
    const brought = samplePayment({ chain: "bitcoin", derivationIndex: null });
    recordsIn(await store().log.append([creation(brought)]));
    await pay(brought);
    expect(await take(derivedFrom, 1)).toBeNull();
  });
}

function testDerivationAfterRestart(make: MakeHome): void {
  test("an index that was given is never given again", async () => {
    const home = await make();
    const given: (number | null)[] = [];
    for (let start = 0; start < 3; start += 1) {
      const store = await home.open();
      given.push(await store.merchants.takeDerivationIndex("bitcoin", "key", 10));
      await store.close();
    }
    expect(given).toEqual([0, 1, 2]);
    await home.remove();
  });
}
