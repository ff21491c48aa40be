/** Three scripted endpoints of one chain, a clock that stands still, and what was switched. */
import { setImmediate as turn } from "node:timers/promises";
import { EndpointFailure } from "../src/chains/following/block-source.ts";
import { type FailoverOptions, FailoverSource } from "../src/chains/following/failover-source.ts";
import { ManualClock } from "./manual-clock.ts";
import { quietLogger } from "./quiet-logger.ts";
import { type QuestionName, ScriptedSource } from "./scripted-source.ts";

export class FailoverStage {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly a = new ScriptedSource("a");
  readonly b = new ScriptedSource("b");
  readonly c = new ScriptedSource("c");
  /** As `from>to`. */
  readonly switches: string[] = [];

  over(sources: readonly ScriptedSource[], options: Partial<FailoverOptions> = {}): FailoverSource {
    return new FailoverSource({
      sources,
      chain: "testchain",
      clock: this.clock,
      logger: quietLogger,
      onSwitch: (from, to) => this.switches.push(`${from}>${to}`),
      random: () => 0.5,
      ...options,
    });
  }

  /** A head, and the comparison that it may have begun. */
  async headOf(source: FailoverSource): Promise<number> {
    const { height } = await source.head();
    for (let turns = 0; turns < 5; turns += 1) await turn();
    return height;
  }

  /** So many comparisons, one after the other. */
  async compare(source: FailoverSource, times: number): Promise<void> {
    for (let time = 0; time < times; time += 1) {
      this.clock.advance(15_000);
      await this.headOf(source);
    }
  }
}

export const failing = (error: Error) => () => Promise.reject(error);

export const failure = (message: string, retryAfterMs: number | null = null) =>
  failing(new EndpointFailure(message, { retryAfterMs }));

/** To this question only. */
export const on = (name: QuestionName, fault: () => Promise<never>) => (question: QuestionName) =>
  question === name ? fault() : undefined;
