/**
 * Whatever a chain does while it is followed, and however often the follower is cut off or starts again: in the end it
 * has told what is true, and on the way it told only what was true at some moment.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { FollowingWatcher } from "../../src/chains/following/following-watcher.ts";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { SandboxChain } from "../../src/chains/sandbox/chain.ts";
import { sandboxFacts } from "../../src/chains/sandbox/facts.ts";
import type { ReorgFate } from "../../src/chains/sandbox/moves.ts";
import type { Observation } from "../../src/payments/transfer.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { MemoryLedger } from "../../testkit/memory-ledger.ts";
import { quietLogger } from "../../testkit/quiet-logger.ts";
import { RecordingSink } from "../../testkit/recording-sink.ts";
import { SandboxLink } from "../../testkit/sandbox-link.ts";
import { SandboxSource } from "../../testkit/sandbox-source.ts";
import { until } from "../../testkit/until.ts";
import { runs } from "../fuzz/hostile.ts";

type Step =
  | { do: "pay"; watched: boolean; fails: boolean }
  | { do: "mine"; blocks: number }
  | { do: "reorg"; depth: number; fate: ReorgFate }
  | { do: "double-spend" | "restart" | "cut" | "mend" | "settle" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pay" as const), watched: fc.boolean(), fails: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("mine" as const), blocks: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("reorg" as const),
      depth: fc.integer({ min: 1, max: 5 }),
      fate: fc.constantFrom<ReorgFate>("mempool", "included", "dropped", "replaced"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("double-spend", "restart", "cut", "mend", "settle", "settle") }),
  },
) as fc.Arbitrary<Step>;

class Stage {
  readonly sink = new RecordingSink();
  readonly ledger = new MemoryLedger();
  readonly paid: string[] = [];
  readonly #clock = new ManualClock(1_700_000_000_000);
  readonly #mempool: boolean;
  #chain!: SandboxChain;
  #link!: SandboxLink;
  #watcher!: FollowingWatcher;

  constructor(mempool: boolean) {
    this.#mempool = mempool;
    this.sink.watched.add(addressFromSeed("ours"));
  }

  async open(): Promise<void> {
    this.#chain = await SandboxChain.open({ ledger: this.ledger, clock: this.#clock, blockIntervalMs: 0 });
    await this.#chain.mine(6);
    this.#link = new SandboxLink(this.#chain);
    await this.#watch();
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "pay": {
        const recipient = addressFromSeed(step.watched ? "ours" : "another's");
        const txId = await this.#chain.pay({ recipient, asset: "SBX", amountAtomic: 5n }, { fails: step.fails });
        if (step.watched) this.paid.push(txId);
        return;
      }
      case "mine":
        await this.#chain.mine(step.blocks);
        return;
      case "reorg":
        await this.#chain.reorg(step.depth, step.fate);
        return;
      case "double-spend": {
        const waiting = (await this.#chain.view()).mempool.at(-1);
        if (waiting) await this.#chain.doubleSpend(waiting.txId);
        return;
      }
      case "restart":
        await this.#watcher.stop();
        return this.#watch();
      case "cut":
        return this.#link.break();
      case "mend":
        return this.#link.restore();
      case "settle":
        this.#link.restore();
        return this.settled();
    }
  }

  /** All that the chain has is told. */
  async settled(): Promise<void> {
    const { tip } = await this.#chain.view();
    const wrong = async () => {
      const all = await Promise.all(this.paid.map((txId) => this.#wrong(txId)));
      return all.filter((one) => one !== null);
    };
    await until("the head to be reported", async () => {
      const cursor = (await this.sink.cursor()) as { blocks: { hash: string }[] } | null;
      return cursor?.blocks[0]?.hash === tip.hash;
    });
    let last: string[] = [];
    await until(
      () => `the truth: ${last.join("; ")}; the watcher says ${JSON.stringify(this.#watcher.status())}`,
      async () => {
        last = await wrong();
        return last.length === 0;
      },
    );
  }

  async close(): Promise<void> {
    await this.#watcher.stop();
    await this.#chain.close();
  }

  async #watch(): Promise<void> {
    this.#watcher = new FollowingWatcher({
      facts: sandboxFacts,
      source: new SandboxSource(this.#link, { mempool: this.#mempool }),
      countedHeight: ({ height }) => height,
      pollIntervalMs: 2,
      maxSilenceMs: null,
      blocksPerReport: 2,
      clock: this.#clock,
      logger: quietLogger,
    });
    await this.#watcher.start(this.sink);
  }

  async #wrong(txId: string): Promise<string | null> {
    const [truth] = await this.ledger.transactions([txId]);
    const told = this.sink.statusOf(txId);
    const allowed = this.#allowed(truth?.status ?? "dropped", truth?.fails ?? false);
    return allowed.includes(told) ? null : `${txId.slice(0, 8)} is ${truth?.status} and was told as ${told}`;
  }

  #allowed(truth: string, fails: boolean): (Observation["status"] | undefined)[] {
    if (truth === "included") return [fails ? "failed" : "included"];
    // What was never told need not be taken back; without a mempool nobody says what became of an orphan.
    const silent: (Observation["status"] | undefined)[] = this.#mempool ? [undefined] : [undefined, "orphaned"];
    // The sink does not know that a failed one is no transfer, which no dropped block takes back.
    if (fails) silent.push("failed", "orphaned");
    if (truth === "mempool") return this.#mempool ? ["seen"] : silent;
    return [...silent, "replaced", ...(this.#mempool ? (["dropped"] as const) : [])];
  }
}

it.each([
  ["with", true],
  ["without", false],
])("a follower %s a mempool ends up with the truth", { timeout: 120_000 }, async (_, mempool) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const stage = new Stage(mempool);
      await stage.open();
      try {
        for (const one of steps) await stage.take(one);
        await stage.take({ do: "settle" });
        for (const { disconnected, observations } of stage.sink.reports) {
          for (const { status, block } of observations) expect(block !== null).toBe(/included|failed/.test(status));
          expect(new Set(disconnected.map(({ hash }) => hash)).size).toBe(disconnected.length);
        }
      } finally {
        await stage.close();
      }
    }),
    // What fails has been waited for: no time is spent on making it smaller.
    { ...runs(60, `following ${mempool}`), endOnFailure: true },
  );
});
