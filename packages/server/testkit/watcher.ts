/**
 * The scenarios that every watcher passes, on the real path: node → watcher → ingest → decide → SQLite. What a chain
 * brings for it is `watching/harness.ts`. Source: `chains/watcher.ts`.
 */
import { afterEach, beforeEach, describe } from "vitest";
import { Bench } from "./watching/bench.ts";
import type { WatcherHarness } from "./watching/harness.ts";
import { testLateKeys } from "./watching/late-keys.ts";
import { testLife } from "./watching/life.ts";
import { testReorgs } from "./watching/reorgs.ts";
import { testTrouble } from "./watching/trouble.ts";

export type {
  ChainUnderTest,
  PaidOutput,
  ReorgFate,
  WatcherCapabilities,
  WatcherHarness,
} from "./watching/harness.ts";

/** Declares the scenarios in the calling test file. */
export function testWatcher(name: string, harness: WatcherHarness): void {
  describe(`${name} passes the watcher scenarios:`, () => {
    let opened: Bench | null = null;
    const bench = (): Bench => {
      if (!opened) throw new Error("The bench is not open.");
      return opened;
    };
    beforeEach(async () => {
      opened = await Bench.open(harness);
    });
    afterEach(async () => {
      await opened?.close();
      opened = null;
    });
    testLife(bench, harness.capabilities);
    testReorgs(bench, harness.capabilities);
    testLateKeys(bench, harness.capabilities);
    testTrouble(bench, harness.capabilities);
  });
}
