/** Several endpoints of one chain: who is asked, who is left alone, and who answers in the end. The endpoints are scripted. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  BlockGone,
  BlocksMissing,
  EndpointFailure,
  NodeProblem,
  NotRefreshed,
} from "../../src/chains/following/block-source.ts";
import { FailoverStage, failing, failure, on } from "../../testkit/failover-stage.ts";
import type { ManualClock } from "../../testkit/manual-clock.ts";
import { nobodyWaits, type ScriptedSource } from "../../testkit/scripted-source.ts";

let stage: FailoverStage;
let clock: ManualClock;
let a: ScriptedSource;
let b: ScriptedSource;
let switches: string[];

beforeEach(() => {
  stage = new FailoverStage();
  ({ a, b, clock, switches } = stage);
});

describe("an endpoint that gives no usable answer", () => {
  it("is left for the next, and the question repeated there", async () => {
    const source = stage.over([a, b]);
    await source.head();
    a.fault = failure("a is down.");
    b.height = 101;
    expect((await source.head()).height).toBe(101);
    expect(source.name).toBe("b");
    expect(switches).toEqual(["a>b"]);
    expect(source.endpoints()).toMatchObject({
      switches: 1,
      endpoints: [
        { name: "a", current: false, problem: "a is down.", headHeight: null, failures: { failed: 1 } },
        { name: "b", current: true, problem: null, headHeight: 101 },
      ],
    });
  });

  it("keeps its place taken: all further questions go to the one that answered", async () => {
    const source = stage.over([a, b]);
    a.fault = failure("a is down.");
    await stage.headOf(source);
    a.fault = null;
    const asked = a.asked.length;
    await source.hashesAt([1]);
    await source.blockAt(5);
    await source.transaction("t", nobodyWaits);
    expect(a.asked).toHaveLength(asked);
    expect(b.asked.slice(-3)).toEqual(["hashesAt", "blockAt", "transaction"]);
  });

  it("also when it breaks in a way of its own", async () => {
    const source = stage.over([a, b]);
    a.fault = failing(new TypeError("undefined is not a block"));
    expect(await source.hashesAt([1])).toEqual(["main-1"]);
    expect(source.endpoints().endpoints[0]?.problem).toBe("a could not be read: undefined is not a block");
  });

  it("also when it says nothing at all, within the bound", async () => {
    const source = stage.over([a, b], { questionTimeoutMs: 20 });
    a.fault = () => new Promise<never>(() => undefined);
    expect(await source.hashesAt([1])).toEqual(["main-1"]);
    expect(source.endpoints().endpoints[0]).toMatchObject({
      problem: expect.stringMatching(/not answered within 20 ms/),
      failures: { stalled: 1 },
    });
  });

  it("and one that cannot be looked into because the store is away is neither left nor blamed", async () => {
    const source = stage.over([a, b]);
    const head = await source.head();
    a.fault = on("blocksAfter", failing(new NotRefreshed("The store is away.")));
    await expect(source.blocksAfter(90, head, 5, nobodyWaits)).rejects.toThrow(NotRefreshed);
    expect(source.name).toBe("a");
    expect(switches).toEqual([]);
    expect(source.endpoints().endpoints[0]?.problem).toBeNull();
    expect(b.asked).not.toContain("blocksAfter");
    a.fault = null;
    expect(await source.blocksAfter(90, head, 5, nobodyWaits)).toHaveLength(5);
  });

  it("is left alone for longer with each failure, and for as long as it asks", async () => {
    const source = stage.over([a]);
    a.fault = failure("a is down.");
    const isAsked = async (afterMs: number) => {
      clock.advance(afterMs);
      const before = a.asked.length;
      await expect(source.head()).rejects.toThrow(EndpointFailure);
      return a.asked.length > before;
    };
    expect(await isAsked(0)).toBe(true);
    expect([await isAsked(374), await isAsked(1)]).toEqual([false, true]);
    expect([await isAsked(749), await isAsked(1)]).toEqual([false, true]);
    a.fault = failure("a is busy.", 60_000);
    expect(await isAsked(60_000)).toBe(true);
    expect([await isAsked(59_999), await isAsked(1)]).toEqual([false, true]);
    a.fault = null;
    clock.advance(60_000);
    expect((await source.head()).height).toBe(100);
    expect(a.asked.slice(-2)).toEqual(["check", "head"]);
  });

  it("tells the caller how long there is to wait, when there is no other", async () => {
    a.fault = failure("a is busy.", 60_000);
    b.fault = failure("b is down.");
    const source = stage.over([a, b]);
    await expect(source.head()).rejects.toThrow("No endpoint of testchain can be followed. a is busy. b is down.");
    await expect(source.head()).rejects.toMatchObject({ name: "EndpointFailure", retryAfterMs: 375 });
    const alone = stage.over([a]);
    await expect(alone.head()).rejects.toMatchObject({ message: "a is busy.", retryAfterMs: 60_000 });
    clock.advance(1_000);
    await expect(alone.head()).rejects.toMatchObject({ message: "a is busy.", retryAfterMs: 59_000 });
  });

  it("does not wait for hours because the machine's clock was put back", async () => {
    a.fault = failure("a is down.");
    const source = stage.over([a]);
    await expect(source.head()).rejects.toThrow(EndpointFailure);
    a.fault = null;
    clock.advance(-3_600_000);
    expect((await source.head()).height).toBe(100);
  });

  it("stays left alone when an answer comes late to what was asked before", async () => {
    const source = stage.over([a]);
    await source.head();
    const late = Promise.withResolvers<void>();
    a.fault = (question) => (question === "hashesAt" ? late.promise : failure("a is busy.", 60_000)());
    const hashes = source.hashesAt([1]);
    await expect(source.head()).rejects.toThrow("a is busy.");
    late.resolve();
    expect(await hashes).toEqual(["main-1"]);
    const asked = a.asked.length;
    await expect(source.blockAt(1)).rejects.toThrow("a is busy.");
    expect(a.asked).toHaveLength(asked);
  });

  it("counts once when several questions were under way", async () => {
    const source = stage.over([a, b]);
    await source.head();
    a.fault = failure("a is down.");
    await Promise.all([source.hashesAt([1]), source.hashesAt([2]), source.blockAt(3)]);
    expect(source.endpoints().endpoints[0]?.failures.failed).toBe(1);
    expect(switches).toEqual(["a>b"]);
  });
});

describe("an endpoint that must not be followed", () => {
  const wrong = new NodeProblem("a is on another network.");

  it("is out until a check passes; nobody hears of it while another answers", async () => {
    const source = stage.over([a, b]);
    a.fault = on("check", failing(wrong));
    expect(await source.check()).toBeNull();
    expect((await source.head()).height).toBe(100);
    expect(a.asked).toEqual(["check"]);
    expect(source.endpoints().endpoints[0]).toMatchObject({ problem: wrong.message, failures: { unfit: 1 } });
  });

  it("is the caller's matter when no endpoint is left", async () => {
    a.fault = failing(wrong);
    await expect(stage.over([a]).head()).rejects.toBe(wrong);
    b.fault = failing(new NodeProblem("b has no logs."));
    const source = stage.over([a, b]);
    await expect(source.check()).rejects.toMatchObject({
      name: "NodeProblem",
      message: "No endpoint of testchain can be followed. a is on another network. b has no logs.",
    });
  });

  it("is checked before it answers again, since another node may stand there now", async () => {
    const source = stage.over([a]);
    await source.head();
    await source.head();
    expect(a.asked).toEqual(["check", "head", "head"]);
    a.fault = failure("a is down.");
    await expect(source.head()).rejects.toThrow("a is down.");
    a.fault = on("check", failing(wrong));
    clock.advance(5_000);
    await expect(source.head()).rejects.toBe(wrong);
    expect(a.asked.slice(-1)).toEqual(["check"]);
  });

  it("passes its advice on, and is asked for it only from time to time", async () => {
    a.advisory = "a is still synchronising.";
    const source = stage.over([a], { checkEveryMs: 60_000 });
    expect(await source.check()).toBe("a is still synchronising.");
    a.advisory = null;
    expect(await source.check()).toBe("a is still synchronising.");
    clock.advance(60_000);
    expect(await source.check()).toBeNull();
  });
});

describe("an endpoint that does not manage as many blocks at once as are wanted", () => {
  it("is asked for fewer until it does, and slowly for more again", async () => {
    const source = stage.over([a]);
    const asked: number[] = [];
    let manages = 3;
    a.beforeBlocks = (limit) => {
      asked.push(limit);
      if (limit > manages) throw new EndpointFailure("The answer would be too large.");
    };
    const ask = async () => {
      const head = await source.head();
      const blocks = await source.blocksAfter(10, head, 20, nobodyWaits).catch(() => null);
      clock.advance(10_000);
      return blocks?.length ?? null;
    };
    expect([await ask(), await ask(), await ask(), await ask()]).toEqual([null, null, null, 2]);
    expect([await ask(), await ask()]).toEqual([3, null]);
    manages = 100;
    for (let questions = 0; questions < 30; questions += 1) await ask();
    expect(asked.slice(0, 6)).toEqual([20, 10, 5, 2, 3, 4]);
    expect(asked.slice(6, 9)).toEqual([2, 3, 4]);
    expect(asked.at(-1)).toBe(20);
  });

  it("is not asked for fewer because it has nothing to say, or was not asked at all", async () => {
    const source = stage.over([a, b]);
    const head = await source.head();
    a.fault = on("blocksAfter", failing(new BlockGone("the chain has moved")));
    await expect(source.blocksAfter(10, head, 20, nobodyWaits)).rejects.toThrow(BlockGone);
    a.fault = null;
    expect(await source.blocksAfter(10, head, 20, nobodyWaits)).toHaveLength(20);
    a.fault = failure("a is down.");
    b.fault = failure("b is down.");
    await expect(source.hashesAt([1])).rejects.toThrow(EndpointFailure);
    await expect(source.blocksAfter(10, head, 20, nobodyWaits)).rejects.toThrow(EndpointFailure);
    a.fault = null;
    clock.advance(10_000);
    expect(await source.blocksAfter(10, head, 20, nobodyWaits)).toHaveLength(20);
  });
});

describe("an endpoint whose answers do not fit together", () => {
  const fork = new NodeProblem("The node's chain ends at another block than was followed.");

  it("is left for another one when the follower says so", async () => {
    const source = stage.over([a, b]);
    await source.head();
    source.distrust(fork);
    await source.head();
    expect(switches).toEqual(["a>b"]);
    expect(source.endpoints().endpoints[0]?.problem).toBe(`a is not believed: ${fork.message}`);
  });

  it("is all there is: the follower's reason is what counts", async () => {
    const source = stage.over([a]);
    await source.head();
    source.distrust(fork);
    expect((await source.head()).height).toBe(100);
  });

  it("is not blamed for what no endpoint could answer", async () => {
    const source = stage.over([a, b]);
    a.fault = failing(new NodeProblem("a is on another network."));
    b.fault = a.fault;
    const reason = await source.head().catch((error: unknown) => error as Error);
    source.distrust(reason as Error);
    expect(source.endpoints().endpoints.map(({ failures }) => failures.unfit)).toEqual([1, 1]);
  });
});

describe("blocks that an endpoint no longer has", () => {
  const lacks = (name: string) => on("blocksAfter", failing(new BlocksMissing(`${name} has none below 50.`, 50)));

  it("come from another one, together with that one's head", async () => {
    const source = stage.over([a, b]);
    const head = await source.head();
    a.fault = lacks("a");
    await expect(source.blocksAfter(10, head, 5, nobodyWaits)).rejects.toThrow(BlockGone);
    const other = await source.head();
    expect(await source.blocksAfter(10, other, 5, nobodyWaits)).toHaveLength(5);
    expect(b.asked.slice(-2)).toEqual(["head", "blocksAfter"]);
    expect(source.endpoints().endpoints[0]?.failures.blocks_missing).toBe(1);
  });

  it("are missing only when nobody has them", async () => {
    a.fault = lacks("a");
    b.fault = lacks("b");
    const source = stage.over([a, b]);
    await expect(source.blocksAfter(10, await source.head(), 5, nobodyWaits)).rejects.toThrow(BlockGone);
    await expect(source.blocksAfter(10, await source.head(), 5, nobodyWaits)).rejects.toEqual(
      new BlocksMissing("b has none below 50. a has none below 50.", 50),
    );
    a.fault = null;
    clock.advance(15_000);
    await expect(source.blocksAfter(10, await source.head(), 5, nobodyWaits)).rejects.toThrow(BlockGone);
    expect(await source.blocksAfter(10, await source.head(), 5, nobodyWaits)).toHaveLength(5);
  });

  it("are missing, and why the others could not be asked is said too", async () => {
    a.fault = lacks("a");
    b.fault = failure("b is down.");
    const source = stage.over([a, b]);
    await expect(source.blocksAfter(10, await source.head(), 5, nobodyWaits)).rejects.toEqual(
      new BlocksMissing("a has none below 50. b is down.", 50),
    );
  });
});

it("what no endpoint can do is not offered", () => {
  const source = stage.over([a, b]);
  expect(source.pending).toBeUndefined();
  source.close();
  expect([a.closed, b.closed]).toEqual([true, true]);
});
