/** Payments that one node makes and another one watches: no transfer to any of them is missed, whoever watches. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { SandboxChain } from "../../src/chains/sandbox/chain.ts";
import { sandboxFacts } from "../../src/chains/sandbox/facts.ts";
import { SandboxWatcher } from "../../src/chains/sandbox/sandbox-watcher.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { topics } from "../../src/log/topic.ts";
import type { PaymentState } from "../../src/payments/payment.ts";
import { matchingFacts } from "../../testkit/matching-facts.ts";
import { MemoryLedger } from "../../testkit/memory-ledger.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { SharedNode, type SharedNodeOptions } from "../../testkit/shared-node.ts";
import { until } from "../../testkit/until.ts";

const AMOUNT = 7n;
const ROUNDS = 12;
const STEPS = 25;
const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

const server = usePostgres();
let url: string;
let nodes: SharedNode[] = [];
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  url = await server().createDatabase();
});
afterEach(async () => {
  for (const node of nodes) await node.close();
  nodes = [];
  for (const close of closing.splice(0)) await close();
  await server().dropDatabase(url);
});

async function open(given: Partial<SharedNodeOptions> = {}): Promise<SharedNode> {
  const node = await SharedNode.open({ url, facts: sandboxFacts, clock: systemClock, ...given });
  nodes.push(node);
  return node;
}

async function openChain(): Promise<SandboxChain> {
  const chain = await SandboxChain.open({ ledger: new MemoryLedger(), clock: systemClock, blockIntervalMs: 0 });
  closing.push(() => chain.close());
  return chain;
}

const watcherOn = (chain: SandboxChain) => () => new SandboxWatcher({ node: chain, clock: systemClock });

const payTo = (chain: SandboxChain, { payment }: PaymentState) =>
  chain.pay({ recipient: payment.recipient as string, asset: "SBX", amountAtomic: AMOUNT });

/** What the payment received, after everything that the chain did was reported. */
async function received(node: SharedNode, { payment }: PaymentState): Promise<bigint> {
  const snapshot = await node.stores.payments.snapshot(payment.id);
  return snapshot?.state.payment.receivedAtomic ?? -1n;
}

async function followed(node: SharedNode, chain: SandboxChain): Promise<void> {
  const { tip } = await chain.view();
  await until("the tip to be reported", async () => {
    const progress = await node.stores.payments.progress("sandbox");
    return (progress?.cursor as { hash?: string } | undefined)?.hash === tip.hash;
  });
}

test(`random payments on two nodes, random blocks, watched by one and the other: nothing is missed (seed ${seed})`, {
  timeout: 240_000,
}, async () => {
  const random = seededRandom(seed);
  const below = (count: number) => Math.floor(random() * count);
  const chain = await openChain();
  const openWatcher = watcherOn(chain);
  const [one, two] = [await open({ openWatcher }), await open({ openWatcher })] as const;
  const paid = new Map<PaymentState, number>();
  let leader = one;
  let taken = 0;
  await leader.lead();
  for (let round = 0; round < ROUNDS; round += 1) {
    const made: PaymentState[] = [];
    for (let step = 0; step < STEPS; step += 1) {
      const kind = below(10);
      if (kind < 4) {
        // Paid, and often mined, in the moment in which it is known.
        const state = await (below(2) ? one : two).create();
        made.push(state);
        paid.set(state, 1);
        await payTo(chain, state);
        if (below(2)) await chain.mine(1);
      } else if (kind < 6) {
        const many = await Promise.all(Array.from({ length: 1 + below(5) }, () => (below(2) ? one : two).create()));
        for (const state of many) paid.set(state, 1);
        await Promise.all(many.map((state) => payTo(chain, state)));
      } else if (kind < 8) {
        await chain.mine(1 + below(2));
      } else if (made.length > 0) {
        const state = made[below(made.length)] as PaymentState;
        paid.set(state, (paid.get(state) ?? 0) + 1);
        await payTo(chain, state);
      }
    }
    const next = leader === one ? two : one;
    // Ended in order, or replaced while it goes on watching and does not know it.
    if (below(2)) await leader.stopLeading();
    else await leader.loseLease();
    const before = leader;
    const begun = next.lead();
    if (below(2)) {
      const state = await before.create();
      paid.set(state, 1);
      await payTo(chain, state);
      await chain.mine(1);
    }
    await begun;
    await before.stopLeading();
    leader = next;
    taken += 1;
  }
  await chain.mine(1);
  await followed(leader, chain);
  const wrong = [];
  for (const [state, times] of paid) {
    const sum = await received(leader, state);
    if (sum !== BigInt(times) * AMOUNT) wrong.push({ id: state.payment.id, times, sum });
  }
  expect(wrong).toEqual([]);
  expect(paid.size).toBeGreaterThan(ROUNDS * 5);
  expect(taken).toBe(ROUNDS);
  expect(nodes.flatMap(({ errors }) => errors)).toEqual([]);
});

test("what is made while the keys are read is in the list", async () => {
  const [leader, other] = [await open(), await open()];
  const early = await other.create();
  let made: PaymentState | null = null;
  const { payments } = leader.stores;
  const read = payments.watchedRecipients.bind(payments);
  // Read before it is stored, and the page comes back after.
  payments.watchedRecipients = async (...asked) => {
    const page = await read(...asked);
    made ??= await other.create();
    return page;
  };
  const { sink, end } = await leader.leadByHand();
  await sink.refresh();
  expect(sink.watches(early.payment.recipient as string)).toBe(true);
  expect(sink.watches((made as PaymentState | null)?.payment.recipient as string)).toBe(true);
  await end();
});

test("each payment is announced once, on whichever node it was made, without anybody's asking", async () => {
  const [leader, other] = [await open(), await open()];
  const announced: string[] = [];
  const { sink, end } = await leader.leadByHand((key) => announced.push(key));
  const states = [await leader.create(), await other.create(), await leader.create(), await other.create()];
  const keys = states.map(({ payment }) => payment.recipient as string);
  await until("all to be announced", () => announced.length >= keys.length);
  await sink.refresh();
  await Promise.all([sink.refresh(), sink.refresh()]);
  expect(announced).toEqual(keys);
  // The same address again: another event.
  await other.ingest.execute("merchant", states[1]?.payment.id ?? "", { type: "cancel" });
  await other.create({ address: states[1]?.payment.address ?? "" });
  await sink.refresh();
  expect(announced).toEqual([...keys, keys[1]]);
  await end();
  await other.create();
  await sink.refresh();
  expect(announced).toHaveLength(5);
});

test("a transaction that the payer's side names on another node is looked up", async () => {
  const facts = matchingFacts;
  const [leader, other] = [await open({ facts }), await open({ facts })];
  const announced: string[] = [];
  const { sink, end } = await leader.leadByHand((key) => announced.push(key));
  const address = addressFromSeed("shared");
  const { payment } = await other.create({ address, match: { payer: "p" } });
  await sink.refresh();
  expect(announced).toEqual([payment.recipient]);
  // Whoever waits for more than an address has the address watched too.
  expect(sink.watches(facts.recipientOf(address))).toBe(true);
  await other.ingest.execute("merchant", payment.id, { type: "claim", txId: "t1" });
  await sink.refresh();
  expect(announced).toEqual([payment.recipient, `${facts.recipientOf(address)}?txId=t1&payer=p`]);
  await other.ingest.execute("merchant", payment.id, { type: "claim", txId: "t1" });
  await sink.refresh();
  expect(announced).toHaveLength(2);
  await end();
});

test("what was named shortly before the one who watched was gone is announced to the next one", async () => {
  const [leader, other] = [await open(), await open()];
  const first = await leader.leadByHand();
  const block = { height: 1, hash: "b1", timeMs: Date.now() };
  const watchedUntilMs = Date.now();
  await first.sink.apply({ disconnected: [], observations: [], head: block, cursor: { at: 1 }, watchedUntilMs });
  const { payment } = await other.create();
  await first.end();
  await leader.loseLease();
  const announced: string[] = [];
  const next = await other.leadByHand((key) => announced.push(key));
  expect(announced).toEqual([]);
  await next.sink.refresh();
  expect(announced).toEqual([payment.recipient]);
  await next.end();
});

test("what was named long before is known and not announced", async () => {
  const [leader, other] = [await open(), await open()];
  const { payment } = await other.create();
  const first = await leader.leadByHand();
  const watchedUntilMs = Date.now() + 10 * 60_000;
  const head = { height: 1, hash: "b1", timeMs: Date.now() };
  await first.sink.apply({ disconnected: [], observations: [], head, cursor: { at: 1 }, watchedUntilMs });
  await first.end();
  await leader.loseLease();
  const announced: string[] = [];
  const next = await other.leadByHand((key) => announced.push(key));
  await next.sink.refresh();
  expect(announced).toEqual([]);
  expect(next.sink.watches(payment.recipient as string)).toBe(true);
  await next.end();
});

test("what is appended while the keys are read makes nobody go through the log from its beginning", async () => {
  const [leader, other] = [await open(), await open()];
  await other.create();
  const first = await leader.leadByHand();
  const watchedUntilMs = Date.now() + 10 * 60_000;
  const head = { height: 1, hash: "b1", timeMs: Date.now() };
  await first.sink.apply({ disconnected: [], observations: [], head, cursor: { at: 1 }, watchedUntilMs });
  await first.end();
  await leader.loseLease();
  const { payments } = other.stores;
  const read = payments.progress.bind(payments);
  // A slow database, while others append.
  payments.progress = async (chain) => {
    other.watchList.look();
    await sleep(500);
    return read(chain);
  };
  const announced: string[] = [];
  const next = await other.leadByHand((key) => announced.push(key));
  const { payment } = await leader.create();
  await next.sink.refresh();
  expect(announced).toEqual([payment.recipient]);
  await next.end();
});

test("a refresh fails while the database is away, and the next one knows all", async () => {
  const [leader, other] = [await open(), await open()];
  const { sink, end } = await leader.leadByHand();
  const { payment } = await other.create();
  await server().crash();
  const asked = sink.refresh();
  await expect(asked).rejects.toThrow();
  await server().restart();
  await until("the database", () =>
    sink.refresh().then(
      () => true,
      () => false,
    ),
  );
  expect(sink.watches(payment.recipient as string)).toBe(true);
  const { records } = await leader.stores.log.readAfter(0, { topics: [topics.payment(payment.id)], limit: 5 });
  expect(records).toHaveLength(1);
  await end();
});
