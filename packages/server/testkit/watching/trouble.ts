/** Scenarios: nodes that restart, connections that break, notifications twice, crowds, crashes, silence. */
import type { EventType } from "@paybell/protocol";
import { describe, expect, it } from "vitest";
import type { Watcher, WatchReport, WatchSink } from "../../src/chains/watcher.ts";
import { until } from "../until.ts";
import { type Bench, CONFIRMATIONS } from "./bench.ts";
import type { WatcherCapabilities } from "./harness.ts";
import { PRICE } from "./payment-under-test.ts";

/** Blocks that come while the connection is down. */
const GAP_BLOCKS = 100;
/** Payments in one block. */
const CROWD = 1_000;

export function testTrouble(bench: () => Bench, can: WatcherCapabilities): void {
  describe("trouble", () => {
    it("of a node that restarts costs nothing", async () => {
      const { chain } = bench();
      const payment = await bench().payment();
      await payment.receives(PRICE, ["payment.confirming"]);
      await chain.restartNode();
      await chain.mine(1);
      await payment.tells("transfer.confirmed", "payment.paid");
      const next = await bench().payment();
      await next.receives(PRICE, ["payment.confirming"]);
      expect((await next.atTheEnd()).status).toBe("confirming");
    });

    it(`of a connection that is down for ${GAP_BLOCKS} blocks is shown, and the gap is made up for`, async () => {
      const { chain } = bench();
      const [early, late] = [await bench().payment(), await bench().payment()];
      await chain.disconnect();
      await until("the broken connection to be noticed", () => bench().watcher.status().problem !== null);
      expect(bench().watcher.status().connected).toBe(false);
      await early.pay();
      await chain.mine(GAP_BLOCKS - 1);
      await late.pay();
      await chain.mine(1);
      await chain.reconnect();
      const told = await early.tellsUntil("payment.finalized");
      expect(told.filter((type) => type === "payment.paid" || type === "payment.finalized")).toEqual([
        "payment.paid",
        "payment.finalized",
      ]);
      await late.tells("transfer.included", "payment.confirming");
      await bench().caughtUp();
      expect(await late.view()).toMatchObject({ status: "confirming", confirmations: 1 });
      expect((await early.atTheEnd()).status).toBe("final");
    });

    it("of notifications that come twice is no event", async () => {
      const { chain } = bench();
      const payment = await bench().payment();
      await payment.pay();
      await chain.repeatNotifications();
      if (can.mempool) await payment.tells("transfer.seen", "payment.confirming");
      await chain.mine(1);
      await chain.repeatNotifications();
      await payment.tells("transfer.included", ...(can.mempool ? [] : (["payment.confirming"] as const)));
      await chain.mine(1);
      await chain.repeatNotifications();
      await payment.tells("transfer.confirmed", "payment.paid");
      await chain.repeatNotifications();
      await bench().somebodyElsePays();
      expect((await payment.atTheEnd()).status).toBe("paid");
    });

    const { noticesSilenceWithinMs } = can;
    if (noticesSilenceWithinMs !== null) {
      it("of a node that is connected but says nothing is noticed within a bound", async () => {
        const { chain } = bench();
        await chain.fallSilent();
        await chain.advance(noticesSilenceWithinMs);
        await until("the silence to be noticed", () => bench().watcher.status().problem !== null);
        expect(bench().watcher.status().connected).toBe(false);
      });
    }
  });
  testCrowd(bench, can);
  testCrashes(bench);
}

function testCrowd(bench: () => Bench, can: WatcherCapabilities): void {
  it(`${CROWD} payments in one block are each paid once`, { timeout: 120_000 }, async () => {
    const { chain, core } = bench();
    const addresses = await Promise.all(Array.from({ length: CROWD }, () => chain.newAddress()));
    const asset = chain.facts.assets[0]?.symbol ?? "";
    await Promise.all(
      addresses.map((address) => core.create({ asset, amountAtomic: PRICE, address, confirmations: CONFIRMATIONS })),
    );
    await chain.pay(addresses.map((address) => ({ address, amountAtomic: PRICE })));
    const inMempool: EventType[] = can.mempool ? ["transfer.seen", "payment.confirming", "transfer.included"] : [];
    const inBlock: EventType[] = can.mempool ? [] : ["transfer.included", "payment.confirming"];
    if (can.mempool) await until("all to be seen", async () => (await core.log.head()) === CROWD * 3);
    await chain.mine(1);
    await until("all to be included", async () => (await core.log.head()) === CROWD * (can.mempool ? 4 : 3));
    await chain.mine(1);
    const each: EventType[] = ["payment.created", ...inMempool, ...inBlock, "transfer.confirmed", "payment.paid"];
    await until("all to be paid", async () => (await core.log.head()) >= CROWD * each.length);
    await bench().stopWatcher();
    const told = new Map<string, EventType[]>();
    for (let after = 0; ; ) {
      const page = await core.log.readAfter(after, { limit: 1_000 });
      for (const { paymentId, type } of page.records) {
        told.set(paymentId ?? "", [...(told.get(paymentId ?? "") ?? []), type]);
      }
      after = page.next;
      if (page.next === page.head) break;
    }
    expect(told.size).toBe(CROWD);
    for (const types of told.values()) expect(types).toEqual(each);
  });
}

/** Stands for a process that is killed: nothing of a report with observations gets any further. */
class Killed implements WatchSink {
  readonly #sink: WatchSink;
  readonly #store: boolean;
  readonly reports: WatchReport[] = [];
  #burial: (error: Error) => void = () => undefined;

  /** @param store whether the last report is stored before the end */
  constructor(sink: WatchSink, store: boolean) {
    this.#sink = sink;
    this.#store = store;
  }

  watches(recipient: string): boolean {
    return this.#sink.watches(recipient);
  }

  refresh(): Promise<void> {
    return this.#sink.refresh();
  }

  cursor(): Promise<unknown | null> {
    return this.#sink.cursor();
  }

  openTransfers(): ReturnType<WatchSink["openTransfers"]> {
    return this.#sink.openTransfers();
  }

  async apply(report: WatchReport): Promise<void> {
    if (this.reports.length === 0 && report.observations.length === 0) return this.#sink.apply(report);
    this.reports.push(report);
    if (this.#store && this.reports.length === 1) await this.#sink.apply(report);
    return new Promise((_, reject) => {
      this.#burial = reject;
    });
  }

  /** Lets go of the dead watcher, so that the test can end. */
  async bury(watcher: Watcher): Promise<void> {
    const stopped = watcher.stop();
    this.#burial(new Error("the process is dead"));
    await stopped;
  }
}

function testCrashes(bench: () => Bench): void {
  describe("a watcher that is killed", () => {
    it.each([
      ["between reading a block and storing its cursor", false],
      ["after storing a block, before it knows", true],
    ])("%s goes on from the stored cursor without gap or duplicate", async (_, store) => {
      const { chain } = bench();
      const payment = await bench().payment();
      await bench().stopWatcher();
      await payment.pay();
      await chain.mine(1);
      const killed = new Killed(bench().core.sink, store);
      bench().wrapSink = () => killed;
      await bench().startWatcher("without waiting");
      const dead = bench().forgetWatcher();
      await until("the report", () => killed.reports.length === 1);
      if (store) await payment.tells("transfer.included", "payment.confirming");
      bench().wrapSink = (sink) => sink;
      await bench().startWatcher();
      if (!store) await payment.tells("transfer.included", "payment.confirming");
      await chain.mine(1);
      await payment.tells("transfer.confirmed", "payment.paid");
      await killed.bury(dead);
      expect((await payment.atTheEnd()).status).toBe("paid");
    });
  });

  it("a report that could not be stored is made again", async () => {
    const payment = await bench().payment();
    await bench().stopWatcher();
    let refused = 0;
    bench().wrapSink = (sink) => ({
      watches: (recipient) => sink.watches(recipient),
      refresh: () => sink.refresh(),
      cursor: () => sink.cursor(),
      openTransfers: () => sink.openTransfers(),
      apply: async (report) => {
        if (report.observations.length === 0 || refused === 3) return sink.apply(report);
        refused += 1;
        throw new Error("disk full");
      },
    });
    await bench().startWatcher();
    await payment.receives(PRICE, ["payment.confirming"]);
    expect(refused).toBe(3);
    expect((await payment.atTheEnd()).status).toBe("confirming");
  });
}
