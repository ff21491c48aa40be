/** A call on the simulated chain is answered after its effects are durable, whichever node watches. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { SandboxChain } from "../../src/chains/sandbox/chain.ts";
import { SandboxChainControls } from "../../src/chains/sandbox/controls.ts";
import { SandboxWatcher } from "../../src/chains/sandbox/sandbox-watcher.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { MemoryLedger } from "../../testkit/memory-ledger.ts";
import { RecordingSink } from "../../testkit/recording-sink.ts";
import { until } from "../../testkit/until.ts";

const shop = addressFromSeed("shop");
const payment = { chain: "sandbox", asset: "SBX", recipient: shop, createdAtMs: 0 } as Payment;
const toPay = { payment, amountAtomic: 5n };
const clock = new ManualClock(1_700_000_000_000);
let ledger: MemoryLedger;
let sink: RecordingSink;
/** The node that watches, and the one that is asked. */
let watching: SandboxChain;
let asked: SandboxChain;
let watcher: SandboxWatcher;

const open = () => SandboxChain.open({ ledger, clock, blockIntervalMs: 0 });
/** One that looks only when it is told to. */
const watcherOn = (node: SandboxChain) => new SandboxWatcher({ node, clock, pollIntervalMs: 3_600_000 });
const controlsOn = (chain: SandboxChain, patienceMs = 30_000) =>
  new SandboxChainControls({ chain, cursor: () => sink.cursor(), patienceMs });

beforeEach(async () => {
  ledger = new MemoryLedger({ isShared: true });
  sink = new RecordingSink();
  sink.watched.add(shop);
  [watching, asked] = [await open(), await open()];
  watcher = watcherOn(watching);
  await watcher.start(sink);
});

afterEach(async () => {
  await watcher.stop();
  await Promise.all([watching.close(), asked.close()]);
});

/** What is under way and not over yet, after it had every opportunity. */
async function isWaiting(call: Promise<unknown>): Promise<boolean> {
  return Promise.race([call.then(() => false), new Promise<true>((resolve) => setTimeout(resolve, 100, true))]);
}

/** Reports are stored from now on only when `release` is called. */
function holdReports(): { release: () => void } {
  const held = Promise.withResolvers<void>();
  sink.beforeApply = () => held.promise;
  return { release: held.resolve };
}

it("on a node that does not watch, each step is answered when the watching node's report of it is stored", async () => {
  const controls = controlsOn(asked);
  const { txId } = await controls.pay(toPay);
  expect(sink.statusOf(txId)).toBe("seen");
  await controls.mine(2);
  expect(sink.statusOf(txId)).toBe("included");
  expect(sink.reports.at(-1)?.head?.height).toBe(2);
  await controls.reorg(2);
  expect(sink.statusOf(txId)).toBe("seen");
  const rival = await controls.doubleSpend(txId);
  expect(sink.statusOf(txId)).toBe("replaced");
  expect(await sink.cursor()).toMatchObject({ height: 3, nextNumber: asked.nextNumber });
  expect(rival.txId).not.toBe(txId);

  const { release } = holdReports();
  const waiting = controls.pay(toPay);
  expect(await isWaiting(waiting)).toBe(true);
  release();
  expect(sink.statusOf((await waiting).txId)).toBe("seen");
});

it("is answered also where nothing of it concerns anybody", async () => {
  sink.watched.clear();
  const { txId } = await controlsOn(asked).pay(toPay);
  await controlsOn(asked).mine(1);
  expect(sink.statusOf(txId)).toBeUndefined();
  expect(await sink.cursor()).toMatchObject({ nextNumber: asked.nextNumber });
});

it("is answered when another node watches instead, or this one itself", async () => {
  const { release } = holdReports();
  const first = controlsOn(asked).pay(toPay);
  expect(await isWaiting(first)).toBe(true);
  sink.beforeApply = () => {
    throw new Error("the lease was lost");
  };
  release();
  await until("it cannot store", () => watcher.status().problem !== null || sink.told.length > 0);
  const second = controlsOn(asked).pay(toPay);
  await watcher.stop();
  sink.beforeApply = () => undefined;
  watcher = watcherOn(asked);
  await watcher.start(sink);
  const paid = await Promise.all([first, second]);
  expect(paid.map(({ txId }) => sink.statusOf(txId))).toEqual(["seen", "seen"]);
});

it("while its own node stops watching goes on waiting for whoever comes next", async () => {
  const { release } = holdReports();
  const waiting = controlsOn(watching).pay(toPay);
  expect(await isWaiting(waiting)).toBe(true);
  sink.beforeApply = () => {
    throw new Error("the lease was lost");
  };
  release();
  await watcher.stop();
  expect(await isWaiting(waiting)).toBe(true);
  sink.beforeApply = () => undefined;
  watcher = watcherOn(asked);
  await watcher.start(sink);
  expect(sink.statusOf((await waiting).txId)).toBe("seen");
});

it("that nobody reports for too long is refused, says that it was done, and counts when somebody watches again", async () => {
  await watcher.stop();
  const refused = controlsOn(asked, 100).pay(toPay);
  await expect(refused).rejects.toMatchObject({ code: "overloaded" });
  await expect(refused).rejects.toThrow("Nobody watches");
  const [waiting] = (await asked.view()).mempool;
  watcher = watcherOn(watching);
  await watcher.start(sink);
  await watcher.settled();
  expect(sink.statusOf(waiting?.txId as string)).toBe("seen");
});

it("says why the report is not known, while the store cannot be asked", async () => {
  const controls = new SandboxChainControls({
    chain: asked,
    cursor: () => Promise.reject(new Error("no connection")),
    patienceMs: 100,
  });
  await expect(controls.mine(1)).rejects.toThrow("no connection");
});

it("where no other process can watch, is refused at once when this one does not", async () => {
  ledger = new MemoryLedger();
  const alone = await open();
  await expect(controlsOn(alone).mine(1)).rejects.toMatchObject({ code: "overloaded" });
});

it("two payments under one name are one, on whichever node, until it is lost", async () => {
  const [here, there] = [controlsOn(asked), controlsOn(watching)];
  const once = { ...toPay, once: "order 1" };
  const paid = await Promise.all([here.pay(once), there.pay(once), here.pay(once)]);
  expect(new Set(paid.map(({ txId }) => txId)).size).toBe(1);
  await there.mine(1);
  const before = watching.nextNumber;
  expect(await here.pay(once)).toEqual(paid[0]);
  expect(asked.nextNumber).toBe(before);
  expect(sink.statusOf(paid[0]?.txId as string)).toBe("included");
  expect((await here.pay({ ...once, once: "order 2" })).txId).not.toBe(paid[0]?.txId);
  await here.reorg(1);
  await there.doubleSpend(paid[0]?.txId as string);
  const again = await here.pay(once);
  expect(again).not.toEqual(paid[0]);
  expect(await there.pay(once)).toEqual(again);
});

it("a payment is not sent before it was made, whatever the clock of the node that is asked says", async () => {
  const createdAtMs = clock.nowMs() + 60_000;
  const { txId } = await controlsOn(asked).pay({ ...toPay, payment: { ...payment, createdAtMs } });
  const [paid] = await asked.transactions([txId]);
  expect(paid?.firstSeenAtMs).toBe(createdAtMs);
});

it("blocks come by the clock on the node that watches, and on no other", async () => {
  const [one, two] = (await Promise.all(
    [1, 2].map(() => SandboxChain.open({ ledger, clock, blockIntervalMs: 5 })),
  )) as [SandboxChain, SandboxChain];
  const height = async () => (await asked.view()).tip.height;
  const mined = new Set<SandboxChain>();
  for (const chain of [one, two]) {
    const mine = chain.mine.bind(chain);
    chain.mine = (blocks) => {
      mined.add(chain);
      return mine(blocks);
    };
  }
  for (const chain of [one, two]) {
    mined.clear();
    const onIt = watcherOn(chain);
    await onIt.start(sink);
    const before = await height();
    await until("two blocks", async () => (await height()) >= before + 2);
    await onIt.stop();
    expect([...mined]).toEqual([chain]);
  }
  await Promise.all([one.close(), two.close()]);
});
