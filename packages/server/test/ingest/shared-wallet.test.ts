/** One wallet for all orders: what tells them apart is given at creation, or named by the payer's side. */
import { rm } from "node:fs/promises";
import type { PaymentMatch } from "@paybell/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { sandboxFacts } from "../../src/chains/sandbox/facts.ts";
import type { Watcher } from "../../src/chains/watcher.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { matchingFacts, observed, report, type Sent } from "../../testkit/matching-facts.ts";
import { ServerCore } from "../../testkit/server-core.ts";
import { temporaryDir } from "../../testkit/sqlite-home.ts";

const T0_MS = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
const ADDRESS = addressFromSeed("wallet");
const DUE = { asset: "SBX", amountAtomic: 5n, address: ADDRESS };

let dataDir: string;
let core: ServerCore;
let clock: ManualClock;
let asked: string[];
beforeEach(async () => {
  dataDir = await temporaryDir();
  clock = new ManualClock(T0_MS);
  core = await ServerCore.open(dataDir, matchingFacts, clock);
  asked = [];
  core.tell({ onWatched: (key: string) => void asked.push(key) } as Watcher);
});
afterEach(async () => {
  await core.close();
  await rm(dataDir, { recursive: true });
});

const order = async (match: PaymentMatch, given: object = {}) =>
  (await core.create({ ...DUE, match, ...given })).payment;
const sent = (txId: string, payer: string, given: Partial<Sent> = {}): Sent => ({
  ...{ txId, address: ADDRESS, atMs: clock.nowMs(), payers: [payer] },
  ...given,
});
const receivedBy = async (id: string) => (await core.payment(id)).payment.receivedAtomic;
const unattributed = async () =>
  (await core.eventsOfMerchant()).flatMap(({ data }) => (data.unattributed ? [data.unattributed] : []));
const refusal = (match: PaymentMatch, given: object = {}) => expect(order(match, given)).rejects;

describe("what is given at creation", () => {
  test("is canonical, stored, put into the URI, and part of the key that the watcher hears of", async () => {
    const payment = await order({ txId: "TX", payer: "P" });
    expect(payment.match).toEqual({ txId: "tx", payer: "p" });
    expect(payment.uri).toBe(`matching:${ADDRESS}?txId=tx&payer=p`);
    expect(asked).toEqual([`${matchingFacts.recipientOf(ADDRESS)}?txId=tx&payer=p`]);
    expect((await core.payment(payment.id)).payment).toEqual(payment);
  });

  test("a transaction's id alone is refused, and why is said", async () => {
    await refusal({ txId: "t" }).toMatchObject({ code: "invalid_request", details: { field: "match.payer" } });
    await refusal({ txId: "t" }).toThrow("a stranger's transaction");
    await refusal({ txId: "t", memo: "m" }).toThrow("a stranger's transaction");
  });

  test.each<PaymentMatch>([{}, { payer: "p", memo: "m" }, { txId: "t", payer: "p", memo: "m" }])(
    "%j is no way to tell payments apart",
    async (match) => {
      await refusal(match).toMatchObject({ code: "invalid_request", details: { field: "match" } });
    },
  );

  test("what the chain cannot read is refused with its reason", async () => {
    await refusal({ payer: "no!" }).toMatchObject({ code: "invalid_request", details: { field: "match.payer" } });
    await refusal({ payer: "no!" }).toThrow('"no!" is no payer on sandbox: it has a !');
  });

  test("a registration is for a standing payment", async () => {
    await refusal({ tributary: "*" }).toMatchObject({ details: { field: "match.tributary" } });
    expect((await order({ tributary: "*" }, { amountAtomic: null })).match).toEqual({ tributary: "*" });
  });

  test("a chain that knows nothing beside addresses says so, and what it has", async () => {
    const dir = await temporaryDir();
    const plain = await ServerCore.open(dir, sandboxFacts, clock);
    const asking = plain.create({ ...DUE, match: { payer: "p" } });
    await expect(asking).rejects.toMatchObject({ code: "not_supported", details: { field: "match", allowed: [] } });
    await expect(asking).rejects.toThrow("their address alone");
    await plain.close();
    await rm(dir, { recursive: true });
  });

  test("two open orders of one payer on one wallet are refused, those of two payers are not", async () => {
    await order({ payer: "p" });
    await order({ payer: "q" });
    await refusal({ payer: "P" }).toMatchObject({ code: "address_in_use" });
    await refusal({ payer: "p" }).toThrow("same match");
  });
});

describe("a transfer to the wallet", () => {
  test("pays the order of whoever sent it, and nobody else's", async () => {
    const [mine, theirs] = [await order({ payer: "p" }), await order({ payer: "q" })];
    await report(core.sink, sent("t1", "p"));
    expect([await receivedBy(mine.id), await receivedBy(theirs.id)]).toEqual([5n, 0n]);
    expect((await core.payment(mine.id)).transfers[0]?.recipient).toBe(matchingFacts.recipientOf(ADDRESS));
  });

  test("of a stranger is told once as fitting no match, with the plain address; one of nothing is not", async () => {
    const mine = await order({ txId: "t1", payer: "p" });
    await report(core.sink, sent("t1", "stranger"), sent("dust", "stranger", { amountAtomic: 0n }));
    await report(core.sink, sent("t1", "stranger"));
    expect(await receivedBy(mine.id)).toBe(0n);
    expect(await unattributed()).toEqual([{ chain: "sandbox", asset: "SBX", address: ADDRESS, why: "no_match" }]);
  });

  test("with thousands of others that fit nothing holds up no other commit for long, and all are told", async () => {
    await order({ payer: "p" });
    const sizes: number[] = [];
    const append = core.log.append.bind(core.log);
    core.log.append = (commands, progress) => {
      sizes.push(commands.length);
      return append(commands, progress);
    };
    await report(core.sink, ...Array.from({ length: 250 }, (_, nth) => sent(`dust ${nth}`, "stranger")));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
    expect(await unattributed()).toHaveLength(250);
  });

  test("is watched for after a restart too", async () => {
    await order({ payer: "p" });
    await core.close();
    core = await ServerCore.open(dataDir, matchingFacts, clock);
    const [paid, other] = [sent("t1", "p"), sent("t2", "q")].map((one) => observed(core.sink, one)?.recipient);
    const recipient = matchingFacts.recipientOf(ADDRESS);
    expect([paid, other]).toEqual([`${recipient}?payer=p`, recipient]);
  });
});

describe("sent first, then ordered with the transaction's id", () => {
  test.each([
    ["seen by the watcher before", true],
    ["not seen before", false],
  ])("pays when its block is at most ten minutes old, %s", async (_name, seenBefore) => {
    await order({ payer: "other" });
    const first = sent("t1", "p");
    if (seenBefore) await report(core.sink, first);
    clock.advance(10 * MINUTE_MS);
    const payment = await order({ txId: "t1", payer: "p" });
    await report(core.sink, { ...first, atMs: seenBefore ? first.atMs : clock.nowMs(), blockTimeMs: T0_MS });
    expect(await core.payment(payment.id)).toMatchObject({ payment: { status: "confirming", receivedAtomic: 5n } });
  });

  test("is too old after that, and told so", async () => {
    const first = sent("t1", "p");
    clock.advance(10 * MINUTE_MS + 1);
    const payment = await order({ txId: "t1", payer: "p" });
    await report(core.sink, first);
    expect(await receivedBy(payment.id)).toBe(0n);
    expect(await unattributed()).toMatchObject([{ why: "older_than_payment" }]);
  });

  test("a payer's order takes no transfer that was seen before it, whatever is said later", async () => {
    await order({ payer: "other" });
    const first = sent("t1", "p");
    await report(core.sink, first);
    clock.advance(1_000);
    const payment = await order({ payer: "p" });
    await report(core.sink, first, { ...first, atMs: clock.nowMs() });
    expect(await receivedBy(payment.id)).toBe(0n);
  });
});

describe("a transaction named with the claim", () => {
  const claim = (id: string, txId?: string) =>
    core.ingest.execute("merchant", id, { type: "claim", ...(txId === undefined ? {} : { txId }) });

  test("is stored and looked up now, also when it is named again", async () => {
    const { id } = await order({ payer: "p" });
    asked.length = 0;
    expect((await claim(id, "TX")).payment).toMatchObject({ claimedTxId: "tx", claimedAtMs: T0_MS });
    await claim(id, "tx");
    const key = `${matchingFacts.recipientOf(ADDRESS)}?txId=tx&payer=p`;
    expect(asked).toEqual([key, key]);
    expect((await core.eventsOf(id)).map(({ type }) => type)).toEqual(["payment.created", "payment.claimed"]);
  });

  test("may be corrected while nothing was seen; when it was first claimed stays", async () => {
    const { id } = await order({ payer: "p" });
    await claim(id);
    clock.advance(1_000);
    await claim(id, "wrong");
    expect((await claim(id, "right")).payment).toMatchObject({ claimedTxId: "right", claimedAtMs: T0_MS });
  });

  test("of a stranger settles nothing", async () => {
    const { id } = await order({ payer: "p" });
    await claim(id, "t1");
    await report(core.sink, sent("t1", "stranger"));
    expect(await receivedBy(id)).toBe(0n);
    await report(core.sink, sent("t2", "p"));
    expect(await receivedBy(id)).toBe(5n);
  });

  test("is accepted when the chain was faster, and refused when it is another one", async () => {
    const { id } = await order({ payer: "p" });
    await report(core.sink, sent("t1", "p"));
    expect((await claim(id, "t1")).payment).toMatchObject({ status: "confirming", claimedTxId: null });
    await expect(claim(id, "t2")).rejects.toMatchObject({ code: "invalid_state" });
  });

  test("is refused where nobody knows who pays, and where the chain cannot read it", async () => {
    const [plain, byMemo, mine] = [
      (await core.create({ asset: "SBX", amountAtomic: 5n })).payment,
      await order({ memo: "m" }),
      await order({ payer: "p" }),
    ];
    for (const { id } of [plain, byMemo]) {
      await expect(claim(id, "t")).rejects.toMatchObject({ code: "invalid_request", details: { field: "txId" } });
      await expect(claim(id, "t")).rejects.toThrow("match.payer");
      expect((await claim(id)).payment.claimedAtMs).toBe(T0_MS);
    }
    await expect(claim(mine.id, "no!")).rejects.toMatchObject({ code: "invalid_request", details: { field: "txId" } });
  });
});
