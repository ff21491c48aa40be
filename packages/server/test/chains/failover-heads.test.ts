/** Several endpoints of one chain: which of them should answer, and whose push is listened to. The endpoints are scripted. */
import { beforeEach, describe, expect, it } from "vitest";
import { NodeProblem } from "../../src/chains/following/block-source.ts";
import type { FailoverSource } from "../../src/chains/following/failover-source.ts";
import { FailoverStage, failing, failure, on } from "../../testkit/failover-stage.ts";
import type { ManualClock } from "../../testkit/manual-clock.ts";
import type { ScriptedSource } from "../../testkit/scripted-source.ts";

let stage: FailoverStage;
let clock: ManualClock;
let a: ScriptedSource;
let b: ScriptedSource;
let c: ScriptedSource;
let switches: string[];

beforeEach(() => {
  stage = new FailoverStage();
  ({ a, b, c, clock, switches } = stage);
});

describe("an endpoint that falls behind", () => {
  it("is left after two comparisons in a row", async () => {
    const source = stage.over([a, b], { maxLagBlocks: 3 });
    a.height = 96;
    await stage.headOf(source);
    expect(await stage.headOf(source)).toBe(96);
    clock.advance(15_000);
    expect(await stage.headOf(source)).toBe(96);
    expect(await stage.headOf(source)).toBe(100);
    expect(switches).toEqual(["a>b"]);
    expect(source.endpoints().endpoints[0]?.failures.stale).toBe(1);
  });

  it("a little, or once only, is not", async () => {
    const source = stage.over([a, b], { maxLagBlocks: 3 });
    a.height = 97;
    await stage.compare(source, 4);
    a.height = 90;
    await stage.compare(source, 1);
    a.height = 100;
    await stage.compare(source, 1);
    a.height = 90;
    await stage.compare(source, 1);
    a.height = 100;
    await stage.compare(source, 4);
    expect(switches).toEqual([]);
  });

  it("only because it was asked before the others is not", async () => {
    const source = stage.over([a, b], { maxLagBlocks: 3 });
    // Ten blocks between two questions: whoever is asked later is ahead.
    for (const endpoint of [a, b]) {
      endpoint.fault = (question) => {
        if (question !== "head") return undefined;
        a.height += 10;
        b.height = a.height;
        return undefined;
      };
    }
    await stage.compare(source, 10);
    expect(switches).toEqual([]);
  });

  it("not for one whose chain is another: nobody can tell which of them lies", async () => {
    const source = stage.over([a, b], { maxLagBlocks: 3 });
    b.height = 1_000_000;
    b.branch = "lies";
    await stage.compare(source, 10);
    expect(switches).toEqual([]);
    expect(await stage.headOf(source)).toBe(100);
  });

  it("not for one on another network", async () => {
    const source = stage.over([a, b]);
    b.height = 1_000_000;
    b.fault = on("check", failing(new NodeProblem("b is on another network.")));
    await stage.compare(source, 10);
    expect(switches).toEqual([]);
  });

  it("a slow one holds nobody up", async () => {
    const source = stage.over([a, b]);
    b.fault = () => new Promise<never>(() => undefined);
    expect(await stage.headOf(source)).toBe(100);
    expect(await source.hashesAt([1])).toEqual(["main-1"]);
  });
});

describe("the preferred endpoint", () => {
  it("is returned to after it has been well for a while", async () => {
    const source = stage.over([a, b, c], { returnAfterMs: 60_000 });
    a.fault = failure("a is down.");
    await stage.headOf(source);
    a.fault = null;
    await stage.compare(source, 4);
    expect(source.name).toBe("b");
    await stage.compare(source, 2);
    expect(source.name).toBe("a");
    expect(switches).toEqual(["a>b", "b>a"]);
  });

  it("is returned to later each time that it breaks again", async () => {
    const source = stage.over([a, b], { returnAfterMs: 60_000 });
    await stage.headOf(source);
    for (let minute = 0; minute < 60; minute += 1) {
      a.fault = source.name === "a" ? failure("a breaks whenever it is used.") : null;
      await stage.compare(source, 4);
    }
    // After 1, 2, 4, 8 and 16 minutes, and away again each time.
    expect(switches).toHaveLength(11);
  });

  it("is not returned to while it is behind, or has another chain", async () => {
    const source = stage.over([a, b], { returnAfterMs: 60_000, maxLagBlocks: 3 });
    a.fault = failure("a is down.");
    await stage.headOf(source);
    a.fault = null;
    a.height = 50;
    await stage.compare(source, 20);
    a.height = 100;
    a.branch = "fork";
    await stage.compare(source, 20);
    expect(source.name).toBe("b");
  });
});

describe("push", () => {
  let news: number;
  let troubles: string[];
  const subscribe = (source: FailoverSource) =>
    source.subscribe?.(
      () => {
        news += 1;
      },
      (message) => troubles.push(message),
    );

  beforeEach(() => {
    news = 0;
    troubles = [];
  });

  it("comes from the endpoint that answers, and moves with it", async () => {
    const source = stage.over([a, b]);
    const end = subscribe(source);
    a.push();
    expect(news).toBe(1);
    a.fault = failure("a is down.");
    await source.head();
    a.push();
    b.push();
    expect(news).toBe(2);
    expect(a.listeners.size).toBe(0);
    end?.();
    expect(b.listeners.size).toBe(0);
  });

  it("is subscribed to again when it is silent while polling finds blocks", async () => {
    const source = stage.over([a]);
    subscribe(source);
    await source.head();
    for (let block = 0; block < 10; block += 1) {
      a.height += 1;
      a.push();
      await source.head();
    }
    expect(a.subscriptions).toBe(1);
    for (let block = 0; block < 3; block += 1) {
      a.height += 1;
      await source.head();
    }
    expect(a.subscriptions).toBe(2);
    expect(a.listeners.size).toBe(1);
    expect(troubles).toEqual([expect.stringMatching(/pushed nothing while polling found 3 new blocks/)]);
  });

  it("is not silent where there is nothing new", async () => {
    const source = stage.over([a]);
    subscribe(source);
    for (let polls = 0; polls < 10; polls += 1) await source.head();
    expect(a.subscriptions).toBe(1);
  });
});
