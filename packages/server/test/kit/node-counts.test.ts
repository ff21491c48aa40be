/** What nodes know of each other's counts, and by how much a limit can be passed meanwhile. */
import fc from "fast-check";
import { beforeEach, expect, it } from "vitest";
import { defaultLimits, LIMITS, type LimitSpec } from "../../src/kit/limits.ts";
import { leastTold, NodeCounts, type Nodes, type SharedLimit } from "../../src/kit/node-counts.ts";
import { Connections, type Slot } from "../../src/transports/connections.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";

const fail = (error: unknown): never => {
  throw error;
};

/** What PostgreSQL does (`test/storage/postgres-nodes.test.ts`), in memory. */
class Room implements Nodes {
  readonly #rows = new Map<string, { told: string; seenAtMs: number }>();
  readonly #listeners = new Set<() => void>();
  nowMs = 0;
  failure: Error | null = null;

  async exchange(id: string, told: string, liveMs: number): Promise<readonly string[]> {
    if (this.failure) throw this.failure;
    this.#rows.set(id, { told, seenAtMs: this.nowMs });
    const live = [...this.#rows].filter(([other, { seenAtMs }]) => other !== id && this.nowMs - seenAtMs < liveMs);
    return live.map(([, row]) => row.told);
  }

  async leave(id: string): Promise<void> {
    this.#rows.delete(id);
    for (const listener of this.#listeners) listener();
  }

  onLeft(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

let room: Room;
let errors: unknown[];

beforeEach(() => {
  room = new Room();
  errors = [];
});

function node(limits: Partial<Record<SharedLimit, number>> = {}): NodeCounts {
  return new NodeCounts({
    nodes: room,
    limits: { ...defaultLimits, ...limits },
    onError: (error) => errors.push(error),
    monotonicMs: () => room.nowMs,
  });
}

/** A node that has these connections of merchants. */
function nodeWith(counts: Record<string, number>, limits?: Partial<Record<SharedLimit, number>>): NodeCounts {
  const made = node(limits);
  made.count("connectionsPerMerchant", () => Object.entries(counts));
  return made;
}

const ofMerchant = (counts: NodeCounts, merchant: string) => counts.others("connectionsPerMerchant", merchant);

it("each node knows the sum of the others, as they last told", async () => {
  const own = { shop: 40, bakery: 7 };
  const limits = { connectionsPerMerchant: 60 };
  const nodes = [own, { shop: 2 }, { shop: 3 }].map((counts) => nodeWith(counts, limits));
  const everybodyTells = async () => {
    for (let round = 0; round < 2; round += 1) for (const each of nodes) await each.exchange();
  };
  await everybodyTells();
  expect(nodes.map((each) => [each.live, ofMerchant(each, "shop"), ofMerchant(each, "bakery")])).toEqual([
    [3, 5, 0],
    [3, 43, 7],
    [3, 42, 7],
  ]);
  own.shop = 1;
  own.bakery = 0;
  expect(ofMerchant(nodes[1] as NodeCounts, "shop")).toBe(43);
  await everybodyTells();
  expect(ofMerchant(nodes[1] as NodeCounts, "shop")).toBe(4);
  expect(ofMerchant(nodes[1] as NodeCounts, "bakery")).toBe(0);
});

it("a limit of up to 100 is told to the last one, of a greater one what could matter", async () => {
  const small = { connectionsPerMerchant: 100 };
  const [one, two] = [nodeWith({ shop: 1 }, small), nodeWith({}, small)];
  await one.exchange();
  await two.exchange();
  expect(ofMerchant(two, "shop")).toBe(1);
  for (const [limit, spec] of Object.entries<LimitSpec>(LIMITS).filter(([, { overNodes }]) => overNodes)) {
    for (const nodes of [1, 2, 10, 100]) {
      const least = leastTold(spec.default, nodes);
      expect(least, limit).toBeGreaterThan(0);
      const untold = (least - 1) * nodes;
      expect(untold, limit).toBeLessThanOrEqual(spec.default > 100 ? spec.default / 8 : 0);
    }
  }
});

it("of each limit the greatest 200 are told", async () => {
  const limits = { connectionsPerMerchant: 100 };
  const counts = Object.fromEntries(Array.from({ length: 300 }, (_, nth) => [`merchant-${nth}`, 1 + (nth % 60)]));
  const [one, two] = [nodeWith(counts, limits), nodeWith({}, limits)];
  await one.exchange();
  await two.exchange();
  const heard = Object.keys(counts).filter((merchant) => ofMerchant(two, merchant) > 0);
  expect(heard).toHaveLength(200);
  expect(Math.min(...heard.map((merchant) => counts[merchant] as number))).toBe(21);
});

it("a node that says nothing any more is forgotten, one that leaves at once", async () => {
  const limits = { connectionsPerMerchant: 10 };
  const [dies, leaves, stays] = [nodeWith({ shop: 3 }, limits), nodeWith({ shop: 4 }, limits), nodeWith({}, limits)];
  await dies.exchange();
  await leaves.exchange();
  const stop = await stays.start();
  expect([ofMerchant(stays, "shop"), stays.live]).toEqual([7, 3]);
  await leaves.leave();
  await leaves.exchange();
  await stays.exchange();
  expect([ofMerchant(stays, "shop"), stays.live]).toEqual([3, 2]);
  room.nowMs += 4_999;
  await stays.exchange();
  expect([ofMerchant(stays, "shop"), stays.live]).toEqual([3, 2]);
  room.nowMs += 1;
  await stays.exchange();
  expect([ofMerchant(stays, "shop"), stays.live]).toEqual([0, 1]);
  await stop();
  expect(errors).toEqual([]);
});

it("while the others cannot be asked what they last told holds a while, then a node's own count", async () => {
  const limits = { connectionsPerMerchant: 10 };
  const [one, two] = [nodeWith({ shop: 3 }, limits), nodeWith({}, limits)];
  await one.exchange();
  await two.exchange();
  room.failure = new Error("no connection");
  room.nowMs += 4_999;
  await two.exchange();
  expect([ofMerchant(two, "shop"), two.live]).toEqual([3, 2]);
  room.nowMs += 1;
  expect([ofMerchant(two, "shop"), two.live]).toEqual([0, 1]);
  expect(errors).toEqual([room.failure]);
  room.failure = null;
  await one.exchange();
  await two.exchange();
  expect([ofMerchant(two, "shop"), two.live]).toEqual([3, 2]);
});

it("many nodes talk less often, and are not taken for dead", async () => {
  const nodes = Array.from({ length: 100 }, () => nodeWith({ shop: 1 }, { connectionsPerMerchant: 100 }));
  for (const each of nodes) await each.exchange();
  for (const each of nodes) await each.exchange();
  room.nowMs += 20_000;
  const [first] = nodes as [NodeCounts];
  expect([first.live, ofMerchant(first, "shop")]).toEqual([100, 99]);
  await first.exchange();
  expect(first.live).toBe(100);
});

it("where no other process can be, nothing is told or heard", async () => {
  const alone = new NodeCounts({ nodes: null, limits: defaultLimits, onError: fail });
  alone.count("connectionsPerMerchant", () => fail(new Error("asked")));
  const stop = await alone.start();
  await alone.exchange();
  await alone.leave();
  expect([ofMerchant(alone, "shop"), alone.live]).toEqual([0, 1]);
  await stop();
});

const LIMIT = 6;
type Step = { at: number; do: "come" | "go" | "tell" };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ at: fc.nat(2), do: fc.constantFrom("come" as const, "come" as const, "go" as const, "tell" as const) }),
  { maxLength: 80 },
);

function connectionsOn(counts: NodeCounts): Connections {
  const limits = { ...defaultLimits, connectionsPerMerchant: LIMIT };
  return new Connections({ limits, counts, clock: new ManualClock(0), onError: fail });
}

it("a limit is passed by no more than what the others took since they were last heard; who comes slowly never passes it", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (walk, isSlow) => {
      room = new Room();
      const counts = Array.from({ length: 3 }, () => node({ connectionsPerMerchant: LIMIT }));
      const nodes = counts.map((each) => ({ at: connectionsOn(each), slots: [] as Slot[], sinceTold: 0 }));
      // `sinceTold`: what a node took since everybody has told everybody.
      const everybodyTells = async () => {
        for (let round = 0; round < 2; round += 1) for (const each of counts) await each.exchange();
        for (const each of nodes) each.sinceTold = 0;
      };
      for (const step of walk) {
        const here = nodes[step.at] as (typeof nodes)[0];
        const total = () => nodes.reduce((sum, { slots }) => sum + slots.length, 0);
        if (isSlow || step.do === "tell") await everybodyTells();
        if (step.do === "go") here.slots.pop()?.release();
        if (step.do !== "come") continue;
        const before = total();
        let isTaken = true;
        try {
          here.slots.push(here.at.admitFor("shop", "test", null));
          here.sinceTold += 1;
        } catch {
          isTaken = false;
        }
        if (isSlow) expect(isTaken).toBe(before < LIMIT);
        const unknown = nodes.reduce((sum, { sinceTold }) => sum + sinceTold, 0) - here.sinceTold;
        if (isTaken) expect(total()).toBeLessThanOrEqual(LIMIT + unknown);
        expect(here.slots.length).toBeLessThanOrEqual(LIMIT);
      }
      for (const { at, slots } of nodes) {
        for (const slot of slots) slot.release();
        await at.drain({ withinMs: 0 });
      }
    }),
    { numRuns: 200 },
  );
});
