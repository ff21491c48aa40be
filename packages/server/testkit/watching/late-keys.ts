/** Scenarios: payments that another node makes, whose keys become known here only by `WatchSink.refresh`. */
import { describe, expect, it } from "vitest";
import type { WatchReport, WatchSink } from "../../src/chains/watcher.ts";
import { until } from "../until.ts";
import { type Bench, CONFIRMATIONS } from "./bench.ts";
import type { WatcherCapabilities } from "./harness.ts";
import { PaymentUnderTest, PRICE } from "./payment-under-test.ts";

export function testLateKeys(bench: () => Bench, can: WatcherCapabilities): void {
  describe("a key that only a refresh makes known", () => {
    it("after the block was asked for is credited in that block", async () => {
      const { chain } = bench();
      const { payment } = await madeElsewhere(bench(), async (made) => {
        await made.pay();
        await chain.mine(1);
      });
      await payment.tells("transfer.included", "payment.confirming");
      await chain.mine(1);
      await payment.tells("transfer.confirmed", "payment.paid");
      expect((await payment.atTheEnd()).status).toBe("paid");
    });

    if (can.reorgFates.includes("included")) {
      it("after a new branch was asked for is credited in its block", async () => {
        const { chain } = bench();
        await chain.mine(3);
        await bench().caughtUp();
        const { payment } = await madeElsewhere(bench(), async (made) => {
          await made.pay();
          await chain.mine(1);
          await chain.reorg(2, "included");
        });
        await payment.tells("transfer.included", "payment.confirming");
        await chain.mine(1);
        await payment.tells("transfer.confirmed", "payment.paid");
        expect((await payment.atTheEnd()).status).toBe("paid");
      });
    }

    if (can.mempool) {
      it("is seen in the mempool before it is said that the chain was watched until then", async () => {
        const { chain } = bench();
        const { payment, sink } = await madeElsewhere(bench(), async (made) => {
          await made.pay();
          await chain.advance(16_000);
        });
        await payment.tells("transfer.seen", "payment.confirming");
        const { createdAt } = await payment.view();
        await until("the chain to be watched until then", () => sink.watchedUntilMs >= Date.parse(createdAt));
        expect(sink.saidTooMuch(Date.parse(createdAt))).toBe(false);
        expect((await payment.atTheEnd()).status).toBe("confirming");
      });
    }

    it("holds up the block while it cannot be asked for: nothing is skipped", async () => {
      const { chain } = bench();
      const { payment, sink } = await madeElsewhere(bench(), async (made, nodes) => {
        await made.pay();
        await chain.mine(1);
        nodes.refusals = 3;
      });
      await payment.tells("transfer.included", "payment.confirming");
      expect(sink.refusals).toBe(0);
      await bench().caughtUp();
      expect((await payment.atTheEnd()).status).toBe("confirming");
    });
  });
}

/** A payment that comes into being, and what follows, while the watcher waits for a refresh which does not tell of it. */
async function madeElsewhere(
  bench: Bench,
  then: (payment: PaymentUnderTest, sink: OtherNodes) => Promise<void>,
): Promise<{ payment: PaymentUnderTest; sink: OtherNodes }> {
  await bench.stopWatcher();
  const { chain, core } = bench;
  const sink = new OtherNodes(core.sink);
  let payment: PaymentUnderTest | null = null;
  let hasFailed: unknown = null;
  sink.onKnown = (key) => bench.watcher.onWatched(key);
  sink.duringNext = async () => {
    await chain.advance(1_000);
    const address = await chain.newAddress();
    sink.hide(chain.facts.recipientOf(address));
    const asset = chain.facts.assets[0]?.symbol ?? "";
    const state = await core.create({ asset, amountAtomic: PRICE, address, confirmations: CONFIRMATIONS });
    const made = new PaymentUnderTest(bench, state.payment.id, address);
    await made.tells("payment.created");
    await then(made, sink).catch((error: unknown) => {
      hasFailed = error;
    });
    payment = made;
  };
  bench.wrapSink = () => sink;
  await bench.startWatcher("without waiting");
  // What is made elsewhere is announced when it becomes known.
  core.tell({ onWatched: () => undefined });
  const made = await until("the watcher to ask for new keys", () => payment);
  if (hasFailed) throw hasFailed;
  return { payment: made, sink };
}

/** Does not know a key until a refresh has begun after it was hidden. */
class OtherNodes implements WatchSink {
  /** Happens during the next refresh. */
  duringNext: (() => Promise<void>) | null = null;
  /** So many refreshes fail. */
  refusals = 0;
  /** A key is not hidden any more. */
  onKnown: (key: string) => void = () => undefined;
  /** How far the chain was watched, as it was said last. */
  watchedUntilMs = 0;
  /** The furthest that was said before any transfer was reported. */
  #saidBefore = 0;
  #hasReported = false;
  readonly #sink: WatchSink;
  readonly #hidden = new Set<string>();

  constructor(sink: WatchSink) {
    this.#sink = sink;
  }

  hide(key: string): void {
    this.#hidden.add(key);
  }

  watches(key: string): boolean {
    return !this.#hidden.has(key) && this.#sink.watches(key);
  }

  async refresh(): Promise<void> {
    if (this.refusals > 0) {
      this.refusals -= 1;
      throw new Error("the database cannot be reached");
    }
    const seen = [...this.#hidden];
    const { duringNext } = this;
    this.duringNext = null;
    await duringNext?.();
    await this.#sink.refresh();
    for (const key of seen) {
      if (this.#hidden.delete(key)) this.onKnown(key);
    }
  }

  /** Was it said that everything until then was reported, before it was? */
  saidTooMuch(untilMs: number): boolean {
    return this.#saidBefore >= untilMs;
  }

  cursor(): Promise<unknown | null> {
    return this.#sink.cursor();
  }

  openTransfers(): ReturnType<WatchSink["openTransfers"]> {
    return this.#sink.openTransfers();
  }

  async apply(report: WatchReport): Promise<void> {
    await this.#sink.apply(report);
    this.#hasReported ||= report.observations.length > 0;
    if (report.watchedUntilMs === null) return;
    this.watchedUntilMs = report.watchedUntilMs;
    if (!this.#hasReported) this.#saidBefore = Math.max(this.#saidBefore, report.watchedUntilMs);
  }
}
