/**
 * Whatever faults happen: an answer comes from one endpoint, nobody is asked while he asked to be left alone, every
 * question ends, and following goes on once one endpoint is good. The endpoints are scripted.
 */
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockGone, BlocksMissing, EndpointFailure, NodeProblem } from "../../src/chains/following/block-source.ts";
import { FailoverSource } from "../../src/chains/following/failover-source.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { quietLogger } from "../../testkit/quiet-logger.ts";
import { nobodyWaits, ScriptedSource } from "../../testkit/scripted-source.ts";

const FAULTS = ["none", "down", "busy", "stalled", "wrong-network", "pruned", "broken", "moved"] as const;
type Fault = (typeof FAULTS)[number];

const QUESTIONS = ["check", "head", "head+blocks", "hashes", "block"] as const;

/** What happens at one endpoint from now on, time that goes by, or a question. */
const step = fc.oneof(
  fc.record({ endpoint: fc.nat(2), fault: fc.constantFrom(...FAULTS), height: fc.integer({ min: 50, max: 150 }) }),
  fc.record({ passMs: fc.integer({ min: 0, max: 40_000 }) }),
  fc.record({ ask: fc.constantFrom(...QUESTIONS) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const RETRY_AFTER_MS = 20_000;

/** Three endpoints with a branch of blocks each, so that the hashes tell who answered. */
class Stage {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly sources = ["a", "b", "c"].map((name) => new ScriptedSource(name));
  readonly failover = new FailoverSource({
    sources: this.sources,
    chain: "testchain",
    clock: this.clock,
    logger: quietLogger,
    questionTimeoutMs: 2,
    random: () => 0.5,
  });
  /** Asked although it had asked to be left alone. */
  readonly impolite: string[] = [];
  readonly #stalled: ((error: Error) => void)[] = [];

  constructor() {
    for (const source of this.sources) source.branch = source.name;
  }

  set(place: number, fault: Fault, height: number): void {
    const source = this.sources[place] as ScriptedSource;
    source.height = height;
    let busyUntilMs = 0;
    source.fault = (question) => {
      if (this.clock.nowMs() < busyUntilMs) this.impolite.push(`${source.name}: ${question}`);
      if (fault === "busy") busyUntilMs = this.clock.nowMs() + RETRY_AFTER_MS;
      return fault === "stalled" ? this.#stall() : faultOf(fault);
    };
    if (fault === "none") source.fault = null;
  }

  /** Ends what is under way, comparisons included. */
  async settle(): Promise<void> {
    for (const place of this.sources.keys()) this.set(place, "down", 100);
    for (const end of this.#stalled) end(new EndpointFailure("The line is cut."));
    for (let turns = 0; turns < 20; turns += 1) await turn();
  }

  #stall(): Promise<never> {
    return new Promise((_, reject) => this.#stalled.push(reject));
  }

  async ask(question: (typeof QUESTIONS)[number]): Promise<void> {
    const { failover } = this;
    if (question === "check") await failover.check();
    else if (question === "head") await failover.head();
    else if (question === "block") await failover.blockAt(10);
    else if (question === "hashes") {
      expect(new Set((await failover.hashesAt([10, 20, 30])).map((hash) => hash?.[0])).size).toBe(1);
    } else {
      const head = await failover.head();
      const blocks = await failover.blocksAfter(40, head, 5, nobodyWaits);
      expect(blocks.map(({ ref }) => ref.hash[0])).toEqual(Array(5).fill(head.hash[0]));
    }
  }
}

function faultOf(fault: Fault): Promise<never> | undefined {
  if (fault === "down") return Promise.reject(new EndpointFailure("It is down."));
  if (fault === "busy") return Promise.reject(new EndpointFailure("It is busy.", { retryAfterMs: RETRY_AFTER_MS }));
  if (fault === "wrong-network") return Promise.reject(new NodeProblem("It is on another network."));
  if (fault === "pruned") return Promise.reject(new BlocksMissing("It has none of them.", null));
  if (fault === "broken") return Promise.reject(new TypeError("undefined is not a block"));
  if (fault === "moved") return Promise.reject(new BlockGone("The chain has moved."));
  return undefined;
}

async function run(stage: Stage, steps: readonly Step[]): Promise<void> {
  for (const one of steps) {
    if ("endpoint" in one) stage.set(one.endpoint, one.fault, one.height);
    else if ("passMs" in one) stage.clock.advance(one.passMs);
    else {
      await stage.ask(one.ask).catch((error: unknown) => {
        const kinds = [EndpointFailure, NodeProblem, BlockGone];
        if (!kinds.some((kind) => error instanceof kind)) throw error;
      });
    }
  }
}

const anySteps = fc.array(step, { maxLength: 40 });

describe("whatever the endpoints do", () => {
  it("an answer comes from one of them, who had not asked to be left alone", async () => {
    await fc.assert(
      fc.asyncProperty(anySteps, async (steps) => {
        const stage = new Stage();
        await run(stage, steps);
        expect(stage.impolite).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("following goes on when one is good", async () => {
    await fc.assert(
      fc.asyncProperty(anySteps, fc.nat(2), async (steps, good) => {
        const stage = new Stage();
        await run(stage, steps);
        await stage.settle();
        stage.set(good, "none", 100);
        stage.clock.advance(RETRY_AFTER_MS);
        for (const other of [0, 1, 2]) if (other !== good) stage.set(other, "down", 100);
        // The first question may find that another one answers now.
        await stage.ask("head");
        await stage.ask("head+blocks");
        expect(stage.failover.name).toBe(["a", "b", "c"][good]);
      }),
      { numRuns: 150 },
    );
  });
});
