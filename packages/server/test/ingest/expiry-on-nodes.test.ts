/** What is due is decided once, whichever nodes look after it, and never ahead of what was watched. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import type { WatchReport, WatchSink } from "../../src/chains/watcher.ts";
import type { AppendResult, EventLog } from "../../src/log/event-log.ts";
import { LeaseLost } from "../../src/log/leases.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { matchingFacts, observed } from "../../testkit/matching-facts.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { type Leading, SHARED_MERCHANT, SharedNode, type SharedNodeOptions } from "../../testkit/shared-node.ts";
import { until } from "../../testkit/until.ts";

const T0_MS = 1_700_000_000_000;
const DUE = 2_000;
const EXPIRES_SECONDS = 60;
const PATIENCE_MS = 120_000;
const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));

const server = usePostgres();
let url: string;
let clock: ManualClock;
let nodes: SharedNode[] = [];

beforeEach(async () => {
  url = await server().createDatabase();
  clock = new ManualClock(T0_MS);
});
afterEach(async () => {
  for (const node of nodes) await node.close();
  nodes = [];
  await server().dropDatabase(url);
});

async function open(given: Partial<SharedNodeOptions> = {}): Promise<SharedNode> {
  const node = await SharedNode.open({ url, facts: matchingFacts, clock, ...given });
  nodes.push(node);
  return node;
}

const report = (given: Partial<WatchReport>): WatchReport => ({
  ...{ disconnected: [], observations: [], head: null, cursor: null, watchedUntilMs: null },
  ...given,
});

const block = (height: number) => ({ height, hash: `b${height}`, timeMs: clock.nowMs() });

/** The first block, from which on everything is watched. */
async function watchFrom({ sink }: Leading, height = 1): Promise<void> {
  await sink.apply(report({ head: block(height), cursor: { height }, watchedUntilMs: clock.nowMs() }));
}

/** How often each payment was told to be expired. */
async function expirations(): Promise<Map<string, number>> {
  const { log } = (nodes[0] as SharedNode).stores;
  const found = new Map<string, number>();
  for (let after = 0; ; ) {
    const page = await log.readAfter(after, { limit: 5_000 });
    for (const { type, paymentId } of page.records) {
      if (type === "payment.expired") found.set(paymentId as string, (found.get(paymentId as string) ?? 0) + 1);
    }
    if (page.next === page.head) return found;
    after = page.next;
  }
}

async function statusOf(node: SharedNode, paymentId: string): Promise<string | undefined> {
  return (await node.stores.payments.snapshot(paymentId))?.state.payment.status;
}

/** Counts what a node decides, and what of it another one was faster with. */
class Decisions {
  stored = 0;
  refused = 0;

  counting = (log: EventLog): EventLog => {
    const append = log.appendTogether.bind(log);
    log.appendTogether = async (calls) => {
      const answers = await append(calls);
      for (const answer of answers) if (answer.status === "fulfilled") this.#count(answer.value);
      return answers;
    };
    return log;
  };

  #count(results: readonly AppendResult[]): void {
    for (const { ok } of results) {
      if (ok) this.stored += 1;
      else this.refused += 1;
    }
  }
}

async function makeDue(by: SharedNode): Promise<string[]> {
  const made = Array.from({ length: DUE }, (_, nth) =>
    by.create({ amountAtomic: 5n, address: addressFromSeed(`${nth}`), expiresInSeconds: EXPIRES_SECONDS }),
  );
  return (await Promise.all(made)).map(({ payment }) => payment.id);
}

const dueSoon = (node: SharedNode, address = addressFromSeed("soon")) =>
  node.create({ amountAtomic: 5n, address, expiresInSeconds: EXPIRES_SECONDS });

/** Payments, time, blocks and changes of the one who watches, in any order. */
class RandomDays {
  readonly inTime: string[] = [];
  readonly unpaid: string[] = [];
  readonly #nodes: readonly SharedNode[];
  readonly #random = seededRandom(seed);
  /** Paid in time on the chain, and not yet reported. */
  readonly #waiting: { address: string; atMs: number }[] = [];
  #leader: SharedNode;
  #leading: Leading | null = null;
  #height = 1;

  constructor(nodes: readonly [SharedNode, ...SharedNode[]]) {
    this.#nodes = nodes;
    this.#leader = nodes[0];
  }

  async begin(): Promise<void> {
    this.#leading = await this.#leader.leadByHand();
    await watchFrom(this.#leading, this.#height);
  }

  async step(step: number): Promise<void> {
    const kind = this.#below(10);
    if (kind < 3) await this.#pay(addressFromSeed(`random ${step}`));
    else if (kind < 5) clock.advance(this.#below(90_000));
    else if (kind < 7) await this.tickAll();
    else if (kind < 9) await this.follow();
    else await this.#replace();
  }

  async tickAll(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.ingest.tick()));
  }

  /** Everything up to now, in one block, or only how far it was watched. */
  async follow(): Promise<void> {
    const sink = this.#sink();
    await sink.refresh();
    const nowMs = clock.nowMs();
    const due = this.#waiting.filter(({ atMs }) => atMs <= nowMs);
    if (due.length === 0) return sink.apply(report({ watchedUntilMs: nowMs }));
    for (const one of due) this.#waiting.splice(this.#waiting.indexOf(one), 1);
    this.#height += 1;
    const observations = due.map(({ address, atMs }) => {
      const seen = observed(sink, { txId: `tx ${address}`, address, atMs });
      if (!seen) throw new Error(`${address} is not watched.`);
      return seen;
    });
    const cursor = { height: this.#height };
    await sink.apply(report({ head: block(this.#height), observations, cursor, watchedUntilMs: nowMs }));
  }

  async end(): Promise<void> {
    await this.#leading?.end();
  }

  async #pay(address: string): Promise<void> {
    const { payment } = await dueSoon(this.#anyNode(), address);
    if (this.#below(2) === 0) {
      this.unpaid.push(payment.id);
      return;
    }
    // Somewhere between its creation and its end.
    this.#waiting.push({ address, atMs: clock.nowMs() + this.#below(EXPIRES_SECONDS * 1_000) });
    this.inTime.push(payment.id);
  }

  /** The one before does not know it, and has seen more than it could store. */
  async #replace(): Promise<void> {
    const deposed = this.#leading;
    await this.#leader.loseLease();
    this.#leader = this.#anyNode();
    this.#leading = await this.#leader.leadByHand();
    await deposed?.sink.apply(report({ watchedUntilMs: clock.nowMs() })).catch((error: unknown) => {
      if (!(error instanceof LeaseLost)) throw error;
    });
    await this.tickAll();
    await deposed?.end();
  }

  #sink(): WatchSink {
    if (!this.#leading) throw new Error("Nobody watches.");
    return this.#leading.sink;
  }

  #anyNode(): SharedNode {
    return this.#nodes[this.#below(this.#nodes.length)] as SharedNode;
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }
}

describe("what is due at once", () => {
  test.each([2, 3])(
    `${DUE} payments on %i nodes expire once each; nobody decides what another one has`,
    async (count) => {
      const decisions = Array.from({ length: count }, () => new Decisions());
      const all: SharedNode[] = [];
      for (const { counting } of decisions) all.push(await open({ wrapLog: counting, groupSize: 50 }));
      const leading = await (all[0] as SharedNode).leadByHand();
      await watchFrom(leading);
      const ids = await makeDue(all[0] as SharedNode);
      for (const one of decisions) one.stored = 0;
      clock.advance(EXPIRES_SECONDS * 1_000 + 1);
      await leading.sink.apply(report({ head: block(2), cursor: { height: 2 }, watchedUntilMs: clock.nowMs() }));
      for (let ticks = 0; (await expirations()).size < DUE; ticks += 1) {
        expect(ticks).toBeLessThan(100);
        await Promise.all(all.map((node) => node.ingest.tick()));
      }
      const expired = await expirations();
      expect([...expired.keys()].sort()).toEqual([...ids].sort());
      expect([...expired.values()].every((times) => times === 1)).toBe(true);
      expect(decisions.map(({ refused }) => refused)).toEqual(decisions.map(() => 0));
      expect(decisions.reduce((sum, { stored }) => sum + stored, 0)).toBe(DUE);
      for (const { stored } of decisions) expect(stored).toBeGreaterThan(0);
      await leading.end();
    },
    PATIENCE_MS,
  );

  test(
    "a node that died leaves its share to the others when its time is over, and not before",
    async () => {
      const claimMs = 3_000;
      const [dead, ...living] = [await open({ claimMs }), await open({ claimMs }), await open({ claimMs })] as const;
      const leading = await living[0].leadByHand();
      await watchFrom(leading);
      const ids = await makeDue(living[0]);
      clock.advance(EXPIRES_SECONDS * 1_000 + 1);
      await leading.sink.apply(report({ head: block(2), cursor: { height: 2 }, watchedUntilMs: clock.nowMs() }));
      const share = await dead.stores.payments.dueAtTime("sandbox", clock.nowMs(), 700);
      const takenAtMs = performance.now();
      expect(share).toHaveLength(700);
      await dead.stores.close();
      nodes = [...living];
      const finished = async () => {
        await Promise.all(living.map((node) => node.ingest.tick()));
        return (await expirations()).size;
      };
      await until("the others' share", async () => (await finished()) === DUE - share.length);
      const early = await expirations();
      const wasEarly = performance.now() - takenAtMs < claimMs;
      if (wasEarly) expect(share.filter((id) => early.has(id))).toEqual([]);
      await until("the dead one's share", async () => (await finished()) === DUE);
      expect(performance.now() - takenAtMs).toBeGreaterThanOrEqual(claimMs);
      expect([...(await expirations()).values()].every((times) => times === 1)).toBe(true);
      expect(new Set((await expirations()).keys())).toEqual(new Set(ids));
      await leading.end();
    },
    PATIENCE_MS,
  );
});

describe("nothing expires ahead of what was watched,", () => {
  test("though every clock is far ahead; and soon after it was watched, on a chain where nothing happens", async () => {
    const [leader, other] = [await open(), await open()];
    const leading = await leader.leadByHand();
    await watchFrom(leading);
    const { payment } = await dueSoon(other);
    clock.advance(3_600_000);
    for (const node of [leader, other, leader]) await node.ingest.tick();
    expect(await statusOf(other, payment.id)).toBe("pending");
    await until("the expiry on another node", async () => {
      await leading.sink.apply(report({ watchedUntilMs: T0_MS + EXPIRES_SECONDS * 1_000 }));
      await other.ingest.tick();
      return (await statusOf(other, payment.id)) === "expired";
    });
    expect(other.ingest.watchedUntilMs("sandbox")).toBe(T0_MS + EXPIRES_SECONDS * 1_000);
    await leading.end();
  });

  test("nor by the word of one who has lost the chain to another", async () => {
    const [old, next] = [await open(), await open()];
    const before = await old.leadByHand();
    await watchFrom(before);
    const { payment } = await dueSoon(next);
    await old.loseLease();
    const after = await next.leadByHand();
    clock.advance(3_600_000);
    const wouldBeStored = report({ watchedUntilMs: clock.nowMs() });
    await until("the word to be refused", async () => {
      try {
        await before.sink.apply(wouldBeStored);
      } catch (error) {
        return error instanceof LeaseLost;
      }
    });
    for (const node of [old, next, old]) await node.ingest.tick();
    expect(await statusOf(next, payment.id)).toBe("pending");
    expect((await next.stores.payments.progress("sandbox"))?.watchedUntilMs).toBe(T0_MS);
    await Promise.all([before.end(), after.end()]);
  });

  test(
    `whoever leads, and whatever the others think: what was paid in time is paid (seed ${seed})`,
    async () => {
      const all = [await open(), await open(), await open()] as const;
      const days = new RandomDays(all);
      await days.begin();
      for (let step = 0; step < 150; step += 1) await days.step(step);
      const { inTime, unpaid } = days;
      clock.advance(2 * EXPIRES_SECONDS * 1_000);
      await until("the unpaid to expire", async () => {
        await days.follow();
        await days.tickAll();
        return (await expirations()).size >= unpaid.length;
      });
      const expired = await expirations();
      expect(inTime.filter((id) => expired.has(id))).toEqual([]);
      expect([...expired.keys()].sort()).toEqual([...unpaid].sort());
      expect([...expired.values()].every((times) => times === 1)).toBe(true);
      expect(inTime.length).toBeGreaterThan(5);
      await days.end();
    },
    PATIENCE_MS,
  );
});

test("what another node decides meanwhile is no work any more", async () => {
  const [one, two] = [await open(), await open()];
  const leading = await one.leadByHand();
  await watchFrom(leading);
  const { payment } = await two.create({ amountAtomic: 5n, expiresInSeconds: EXPIRES_SECONDS });
  clock.advance(EXPIRES_SECONDS * 1_000 + 1);
  await watchFrom(leading, 2);
  expect(await one.stores.payments.dueAtTime("sandbox", clock.nowMs(), 5)).toEqual([payment.id]);
  expect(await two.stores.payments.dueAtTime("sandbox", clock.nowMs(), 5)).toEqual([]);
  await two.ingest.execute(SHARED_MERCHANT, payment.id, { type: "cancel" });
  expect(await one.stores.payments.dueAtTime("sandbox", clock.nowMs(), 5)).toEqual([]);
  await leading.end();
});
