/** A derived address is given to one payment only: whoever asks for it, and however the key is written. */
import { rm } from "node:fs/promises";
import { createBase58check } from "@scure/base";
import { sha256 } from "@scure/btc-signer/utils.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BitcoinFacts } from "../../src/chains/bitcoin/facts.ts";
import { sandboxFacts } from "../../src/chains/sandbox/facts.ts";
import type { ChainFacts } from "../../src/chains/watcher.ts";
import { ChainRegistry } from "../../src/ingest/chain-registry.ts";
import { PaymentIngest } from "../../src/ingest/payment-ingest.ts";
import { WatchList } from "../../src/ingest/watch-list.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { openSqlite, storesOn, temporaryDir } from "../../testkit/sqlite-home.ts";
import type { OpenStore } from "../../testkit/storing/home.ts";

const base58check = createBase58check(sha256);
/** BIP84's account 0 of "abandon … about", and the same key under the name of `xpub`. */
const ZPUB =
  "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs";
const XPUB = (() => {
  const bytes = base58check.decode(ZPUB);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, 0x0488b21e);
  return base58check.encode(bytes);
})();

let dataDir: string;
let store: OpenStore;
let ingest: PaymentIngest;

beforeEach(async () => {
  dataDir = await temporaryDir();
  store = storesOn(await openSqlite(dataDir));
  const facts: ChainFacts[] = [new BitcoinFacts({ network: "mainnet" }), sandboxFacts];
  ingest = new PaymentIngest({
    log: store.log,
    store: store.payments,
    merchants: store.merchants,
    products: store.products,
    chains: new ChainRegistry(facts.map((known) => ({ facts: known, watched: true }))),
    watchList: new WatchList({ store: store.payments, keyLog: null, onError: () => undefined }),
    clock: systemClock,
    storeProgressEveryMs: null,
    defaults: { expiresInSeconds: 900, monitoringSeconds: 86_400, gapLimit: 3 },
    observable: () => false,
    transfersPerPayment: 100,
    groupSize: 100,
    pendingCommands: 100,
  });
});
afterEach(async () => {
  await store.close();
  await rm(dataDir, { recursive: true });
});

const merchant = (id: string, xpub?: string) =>
  store.merchants.createMerchant({ id, name: id, createdAtMs: 0, xpubs: xpub === undefined ? {} : { bitcoin: xpub } });

async function addressFor(merchantId: string, chain = "bitcoin"): Promise<string | null> {
  const asset = chain === "bitcoin" ? "BTC" : "SBX";
  return (await ingest.create({ merchantId, chain, asset, amountAtomic: 1_000n })).payment.address;
}

test("a key that is written in another way goes on where it was, its gap too", async () => {
  await merchant("shop", ZPUB);
  const first = [await addressFor("shop"), await addressFor("shop")];
  await store.merchants.setXpub("shop", "bitcoin", XPUB);
  const all = [...first, await addressFor("shop")];
  expect(all).toEqual([
    "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu",
    "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g",
    expect.stringMatching(/^bc1q/),
  ]);
  expect(new Set(all).size).toBe(3);
  await expect(addressFor("shop")).rejects.toMatchObject({ code: "gap_exhausted" });
});

test("two merchants with one key never get the same address", async () => {
  await merchant("shop", ZPUB);
  await merchant("other", XPUB);
  const all = [await addressFor("shop"), await addressFor("other"), await addressFor("shop")];
  expect(new Set(all).size).toBe(3);
});

test("in the sandbox each merchant has addresses of its own", async () => {
  await merchant("shop");
  await merchant("other");
  const all = [await addressFor("shop", "sandbox"), await addressFor("other", "sandbox")];
  expect(new Set([...all, await addressFor("shop", "sandbox")]).size).toBe(3);
});

test("a key that cannot be used takes no index, and says why", async () => {
  await merchant("shop", `${ZPUB.slice(0, -1)}t`);
  await expect(addressFor("shop")).rejects.toMatchObject({ code: "invalid_request", message: /checksum is wrong/ });
});
