/** The address that a merchant's payments share: only for those that something beside it tells apart. */
import { rm } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SuiFacts } from "../../src/chains/sui/facts.ts";
import { ChainRegistry } from "../../src/ingest/chain-registry.ts";
import { PaymentIngest } from "../../src/ingest/payment-ingest.ts";
import { WatchList } from "../../src/ingest/watch-list.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { openSqlite, storesOn, temporaryDir } from "../../testkit/sqlite-home.ts";
import type { OpenStore } from "../../testkit/storing/home.ts";
import { suiAddress } from "../../testkit/sui-harness.ts";

const SHARED = suiAddress("the shop");

let dataDir: string;
let store: OpenStore;
let ingest: PaymentIngest;

beforeEach(async () => {
  dataDir = await temporaryDir();
  store = storesOn(await openSqlite(dataDir));
  ingest = new PaymentIngest({
    log: store.log,
    store: store.payments,
    merchants: store.merchants,
    products: store.products,
    chains: new ChainRegistry([{ facts: new SuiFacts(), watched: true }]),
    watchList: new WatchList({ store: store.payments, keyLog: null, onError: () => undefined }),
    clock: systemClock,
    storeProgressEveryMs: null,
    defaults: { expiresInSeconds: 900, monitoringSeconds: 86_400, gapLimit: 3 },
    observable: () => false,
    transfersPerPayment: 100,
    groupSize: 100,
    pendingCommands: 100,
  });
  for (const id of ["shop", "other"]) {
    await store.merchants.createMerchant({ id, name: id, createdAtMs: 0, xpubs: {} });
  }
  await store.merchants.setAddress("shop", "sui", SHARED);
});
afterEach(async () => {
  await store.close();
  await rm(dataDir, { recursive: true });
});

async function addressFor(merchantId: string, given: { address?: string; intentHash?: string }) {
  const { intentHash, ...address } = given;
  const match = intentHash === undefined ? {} : { match: { intentHash } };
  const request = { merchantId, chain: "sui", asset: "SUI", amountAtomic: 5n, ...address, ...match };
  return (await ingest.create(request)).payment.address;
}

const hash = (digit: string) => digit.repeat(64);

test("payments with different matches share it; the same match twice is refused", async () => {
  expect(await addressFor("shop", { intentHash: hash("1") })).toBe(SHARED);
  expect(await addressFor("shop", { intentHash: hash("2") })).toBe(SHARED);
  await expect(addressFor("shop", { intentHash: hash("1") })).rejects.toMatchObject({ code: "address_in_use" });
});

test("an address that the request brings comes first", async () => {
  const own = suiAddress("of this order");
  expect(await addressFor("shop", { intentHash: hash("1"), address: own })).toBe(own);
});

test("a payment without a match never waits on it", async () => {
  const refused = addressFor("shop", {});
  await expect(refused).rejects.toMatchObject({ code: "invalid_request" });
  await expect(refused).rejects.toThrow(/must bring an address/);
});

test("it is the merchant's own: another one is told how to set his", async () => {
  const refused = addressFor("other", { intentHash: hash("1") });
  await expect(refused).rejects.toMatchObject({ code: "invalid_request" });
  await expect(refused).rejects.toThrow(/merchants set-address/);
});
