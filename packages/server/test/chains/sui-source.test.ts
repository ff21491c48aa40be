/** What is read from a Sui node: the genuine client on a simulated one. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  BlockGone,
  BlocksMissing,
  EndpointFailure,
  type Interest,
  NodeProblem,
} from "../../src/chains/following/block-source.ts";
import { watchedKey } from "../../src/chains/match.ts";
import { CoinRegistry } from "../../src/chains/sui/coins.ts";
import { expectedChainId } from "../../src/chains/sui/network.ts";
import { SuiNode } from "../../src/chains/sui/sui-node.ts";
import { SuiSource } from "../../src/chains/sui/sui-source.ts";
import { type BalanceChange, type EmittedEvent, type Execution, SUI_TYPE } from "../../testkit/sui/ledger.ts";
import { SimulatedSuiNode } from "../../testkit/sui/simulated-node.ts";
import { LOOKALIKE_TYPE, suiAddress, USDC } from "../../testkit/sui-harness.ts";
import { until } from "../../testkit/until.ts";

const NOW_MS = 1_700_000_000_250;
const SHOP = suiAddress("the shop");
const BUYER = suiAddress("a buyer");
const SPONSOR = suiAddress("who pays the gas");
const HASH = "5f".repeat(32);
const SETTLED = { packageId: suiAddress("settlement") };

let simulated: SimulatedSuiNode;
let source: SuiSource;

beforeEach(async () => {
  simulated = await SimulatedSuiNode.start({ nowMs: () => NOW_MS });
  source = sourceOn();
});
afterEach(async () => {
  source.close();
  await simulated.stop();
});

function sourceOn(options: { settlementPackages?: readonly string[]; chainId?: string } = {}): SuiSource {
  const node = new SuiNode({ url: simulated.url, network: "localnet", timeoutMs: 5_000 });
  return new SuiSource({
    node,
    coins: new CoinRegistry([USDC]),
    chainId: options.chainId ?? simulated.ledger.chainId,
    settlementPackages: options.settlementPackages ?? null,
  });
}

/** Whoever waits for these match keys. */
function waitingFor(...keys: string[]): Interest {
  const watches = (key: string) => keys.includes(key);
  return {
    knows: watches,
    keyFor: (recipient, evidence) => watchedKey(watches, recipient, evidence),
    followsSpend: () => false,
    refresh: async () => undefined,
  };
}

/** The transfers of the next checkpoint, with this in it. */
async function transfersOf(execution: Execution, keys: string[] = [SHOP], reader = source) {
  simulated.ledger.execute(execution);
  simulated.certify(1);
  const head = await reader.head();
  const [block] = await reader.blocksAfter(head.height - 1, head, 1, waitingFor(...keys));
  return block?.transfers ?? [];
}

const change = (address: string, amount: bigint, coinType = USDC.coinType): BalanceChange => ({
  address,
  coinType,
  amount,
});
const paid = (amount: bigint, coinType?: string) => [change(SHOP, amount, coinType), change(BUYER, -amount, coinType)];

describe("what counts", () => {
  it("is what came to a known address, in a registered coin", async () => {
    const [transfer, ...others] = await transfersOf({ changes: paid(1_000_000n) });
    expect(others).toEqual([]);
    expect(transfer).toEqual({
      txId: expect.stringMatching(/^[1-9A-HJ-NP-Za-km-z]{43,44}$/),
      index: `${SHOP}:${USDC.coinType}`,
      asset: "USDC",
      amountAtomic: 1_000_000n,
      recipient: SHOP,
      failed: false,
      spends: [],
    });
  });

  it("is each coin and each recipient of a transaction by itself", async () => {
    const other = suiAddress("another shop");
    const changes = [change(SHOP, 5n), change(other, 6n), change(SHOP, 7n, SUI_TYPE), change(BUYER, -11n)];
    const transfers = await transfersOf({ changes }, [SHOP, other]);
    expect(transfers.map(({ recipient, asset, amountAtomic }) => [recipient, asset, amountAtomic])).toEqual([
      [SHOP, "USDC", 5n],
      [other, "USDC", 6n],
      [SHOP, "SUI", 7n],
    ]);
    expect(new Set(transfers.map(({ index }) => index)).size).toBe(3);
  });

  it.each(["0x2::sui::SUI", SUI_TYPE, "0x0002::sui::SUI"])(
    "is the same coin however its type is written: %s",
    async (type) => {
      expect(await transfersOf({ changes: paid(3n, type) })).toMatchObject([
        { asset: "SUI", amountAtomic: 3n, index: `${SHOP}:${SUI_TYPE}` },
      ]);
    },
  );

  it.each([
    ["a coin with the same name", LOOKALIKE_TYPE],
    ["a coin inside of a registered one", `${SUI_TYPE}<${USDC.coinType}>`],
    ["a registered coin inside of another", `0x2::wrapped::COIN<${USDC.coinType}>`],
    ["the module of the registered coin with another name", USDC.coinType.replace(/USDC$/, "usdc")],
    ["what is no type at all", "USDC"],
    ["nothing", ""],
  ])("is never %s", async (_, coinType) => {
    expect(await transfersOf({ changes: paid(1_000_000n, coinType) })).toEqual([]);
  });

  it("is nothing in a failed transaction, not even a refund of gas that is more than the gas", async () => {
    expect(await transfersOf({ changes: [change(SHOP, 900n, SUI_TYPE)], success: false })).toEqual([]);
    expect(await transfersOf({ changes: paid(1_000_000n), success: false })).toEqual([]);
  });

  it("is what is left of a payment after the recipient's own gas, and nothing where gas was more", async () => {
    expect(
      await transfersOf({ changes: [change(SHOP, 400n, SUI_TYPE), change(BUYER, -500n, SUI_TYPE)] }),
    ).toMatchObject([{ amountAtomic: 400n }]);
    expect(await transfersOf({ changes: [change(SHOP, -20n, SUI_TYPE)] })).toEqual([]);
    expect(await transfersOf({ changes: [change(SHOP, 0n)] })).toEqual([]);
  });

  it("is beyond 64 bits, too", async () => {
    expect(await transfersOf({ changes: paid(2n ** 100n) })).toMatchObject([{ amountAtomic: 2n ** 100n }]);
  });
});

describe("what tells payments apart", () => {
  const byHash = `${SHOP}?intentHash=${HASH}`;
  const settled = (json: EmittedEvent["json"], packageId = SETTLED.packageId): Execution => ({
    changes: paid(10n),
    events: [{ packageId, json }],
  });

  it.each([
    ["hex", { intent_hash: HASH }],
    ["hex with a prefix and capitals", { intent_hash: `0x${HASH.toUpperCase()}` }],
    ["base64, as nodes render bytes", { intent_hash: Buffer.from(HASH, "hex").toString("base64") }],
    ["a list of numbers", { intent_hash: [...Buffer.from(HASH, "hex")] }],
    ["the other way of writing the field", { intentHash: HASH }],
  ])("is an intent hash in an event: %s", async (_, json) => {
    expect(await transfersOf(settled(json), [SHOP, byHash])).toMatchObject([{ recipient: byHash }]);
  });

  it.each([
    ["too short", { intent_hash: HASH.slice(2) }],
    ["hex of the hex", { intent_hash: Buffer.from(HASH).toString("hex") }],
    ["numbers that are no bytes", { intent_hash: [...Buffer.from(HASH, "hex").subarray(1), 256] }],
    ["a number", { intent_hash: 5 }],
    ["null", { intent_hash: null }],
    ["another field", { intent: HASH }],
  ])("is no text like one: %s", async (_, json) => {
    expect(await transfersOf(settled(json), [SHOP, byHash])).toMatchObject([{ recipient: SHOP }]);
  });

  it("is an intent hash of the packages that are named, where some are", async () => {
    const strict = sourceOn({ settlementPackages: ["0x2", SETTLED.packageId.toUpperCase().replace("0X", "0x")] });
    const keys = [SHOP, byHash];
    expect(await transfersOf(settled({ intent_hash: HASH }), keys, strict)).toMatchObject([{ recipient: byHash }]);
    expect(await transfersOf(settled({ intent_hash: HASH }, "0x2"), keys, strict)).toMatchObject([
      { recipient: byHash },
    ]);
    const stranger = settled({ intent_hash: HASH }, suiAddress("somebody's package"));
    expect(await transfersOf(stranger, keys, strict)).toMatchObject([{ recipient: SHOP }]);
    strict.close();
  });

  it("is who paid in that coin, not who paid the gas", async () => {
    const keys = [SHOP, `${SHOP}?payer=${BUYER}`, `${SHOP}?payer=${SPONSOR}`];
    const changes = [...paid(10n), change(SPONSOR, -500n, SUI_TYPE)];
    expect(await transfersOf({ changes }, keys)).toMatchObject([{ recipient: `${SHOP}?payer=${BUYER}` }]);
  });

  it("is asked for only where somebody known is paid", async () => {
    await transfersOf({ changes: [change(suiAddress("nobody"), 5n), change(BUYER, -5n)] });
    await transfersOf({ changes: paid(1n, LOOKALIKE_TYPE) });
    expect(simulated.server.calls.get("GetTransaction")).toBeUndefined();
    await transfersOf({ changes: paid(1n) });
    expect(simulated.server.calls.get("GetTransaction")).toBe(1);
  });
});

describe("the chain", () => {
  it("is checkpoints, each with its digest, its parent's and its time", async () => {
    simulated.certify(3);
    const head = await source.head();
    const digests = simulated.ledger.checkpoints.map(({ digest }) => digest as string);
    expect(head).toEqual({ height: 3, hash: digests[3], finalized: null });
    const blocks = await source.blocksAfter(0, head, 2, waitingFor());
    expect(blocks).toEqual([
      { ref: { height: 1, hash: digests[1], timeMs: NOW_MS }, parentHash: digests[0], transfers: [], spenders: [] },
      { ref: { height: 2, hash: digests[2], timeMs: NOW_MS }, parentHash: digests[1], transfers: [], spenders: [] },
    ]);
    expect(await source.hashesAt([3, 7, 0])).toEqual([digests[3], null, digests[0]]);
    expect(await source.blockAt(0)).toEqual({ ref: { height: 0, hash: digests[0], timeMs: NOW_MS }, parentHash: "" });
    await expect(source.blockAt(4)).rejects.toBeInstanceOf(BlockGone);
  });

  it("is refused when it is another one", async () => {
    expect(await source.check()).toBeNull();
    const mainnet = sourceOn({ chainId: expectedChainId("mainnet", null) });
    const refused = mainnet.check();
    await expect(refused).rejects.toBeInstanceOf(NodeProblem);
    await expect(refused).rejects.toThrow(/and mainnet is expected/);
    mainnet.close();
  });

  it("that was pruned is never skipped: the first checkpoint that is left is named", async () => {
    simulated.certify(20);
    simulated.lowestCheckpoint = 12;
    const missing = source.blocksAfter(5, await source.head(), 10, waitingFor());
    await expect(missing).rejects.toBeInstanceOf(BlocksMissing);
    await expect(missing).rejects.toMatchObject({ firstHeight: 12, message: expect.stringMatching(/from 12 on only/) });
    expect(await source.blocksAfter(11, await source.head(), 10, waitingFor())).toHaveLength(9);
  });

  it("whose head comes of a node that is ahead of the one behind it fails, and nothing is skipped", async () => {
    simulated.certify(5);
    const head = await source.head();
    simulated.stuckAtHeight = 3;
    await expect(source.blocksAfter(1, head, 10, waitingFor())).rejects.toThrow(/does not have checkpoint 4 below it/);
  });
});

describe("a node whose index of balance changes is behind its head", () => {
  it("is waited for: what it does not tell yet is no empty checkpoint", async () => {
    simulated.indexedHeight = 0;
    simulated.ledger.execute({ changes: paid(7n) });
    simulated.certify(1);
    const asked = source.blocksAfter(0, await source.head(), 10, waitingFor(SHOP));
    await until("the second look", () => (simulated.server.calls.get("GetCheckpoint") ?? 0) > 2);
    simulated.indexedHeight = 1;
    expect((await asked).map(({ transfers }) => transfers)).toMatchObject([[{ amountAtomic: 7n }]]);
  });

  it("gives what comes before", async () => {
    for (const amount of [1n, 2n, 3n]) {
      simulated.ledger.execute({ changes: paid(amount) });
      simulated.certify(1);
    }
    simulated.indexedHeight = 2;
    expect(await source.blocksAfter(0, await source.head(), 10, waitingFor(SHOP))).toHaveLength(2);
  });

  it("is a failure of the endpoint where it does not come, as where there is none", async () => {
    simulated.indexedHeight = -1;
    simulated.ledger.execute({ changes: paid(7n) });
    simulated.certify(30);
    const asked = source.blocksAfter(0, await source.head(), 10, waitingFor(SHOP));
    await expect(asked).rejects.toBeInstanceOf(EndpointFailure);
    await expect(asked).rejects.toThrow(/no balance change in checkpoint 1, though there are transactions/);
  });

  it("is believed about a transaction that changes no balance, as soon as a later one does: nobody holds it up", async () => {
    simulated.ledger.execute({ changes: [] });
    simulated.certify(15);
    simulated.ledger.execute({ changes: paid(7n) });
    simulated.certify(1);
    const head = await source.head();
    const first = await source.blocksAfter(0, head, 10, waitingFor(SHOP));
    expect(first.map(({ ref }) => ref.height)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const rest = await source.blocksAfter(10, head, 10, waitingFor(SHOP));
    expect(rest.at(-1)?.transfers).toMatchObject([{ amountAtomic: 7n }]);
  });

  it("is not waited for where only the system acted", async () => {
    simulated.indexedHeight = 0;
    simulated.certify(3);
    expect(await source.blocksAfter(0, await source.head(), 10, waitingFor(SHOP))).toHaveLength(3);
  });
});

it("an archive that leaves out transactions is no node to read payments from", async () => {
  simulated.ledger.execute({ changes: paid(7n) });
  simulated.certify(1);
  simulated.withoutTransactions = true;
  const asked = source.blocksAfter(0, await source.head(), 10, waitingFor(SHOP));
  await expect(asked).rejects.toThrow(/Checkpoint 1 has 2 transactions, and 0 were answered: a full node is needed/);
});

describe("one transaction", () => {
  it("is found with its checkpoint, and not before it is in one", async () => {
    const digest = simulated.ledger.execute({ changes: paid(7n) });
    expect(await source.transaction(digest, waitingFor(SHOP))).toBeNull();
    simulated.certify(2);
    const hash = simulated.ledger.checkpoints[1]?.digest;
    expect(await source.transaction(digest, waitingFor(SHOP))).toMatchObject({
      block: { height: 1, hash, timeMs: NOW_MS },
      transfers: [{ txId: digest, amountAtomic: 7n }],
    });
    expect(await source.transaction(simulated.ledger.chainId, waitingFor(SHOP))).toBeNull();
    expect(await source.transaction("no digest", waitingFor(SHOP))).toBeNull();
  });
});
