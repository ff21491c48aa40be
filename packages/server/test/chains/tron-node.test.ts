/** TRON nodes and providers that are wrong, limited, cut short or odd. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  BlockGone,
  BlocksMissing,
  EndpointFailure,
  type Interest,
  NodeProblem,
} from "../../src/chains/following/block-source.ts";
import { watchedKey } from "../../src/chains/match.ts";
import { TronFacts } from "../../src/chains/tron/facts.ts";
import type { TronEndpoint } from "../../src/chains/tron/tron-api.ts";
import { TronSource } from "../../src/chains/tron/tron-source.ts";
import type { BlockAnswer } from "../../testkit/tron/node-answers.ts";
import { SimulatedTronNode } from "../../testkit/tron/start-tron.ts";
import { hexOf, randomAddress } from "../../testkit/tron/wallet.ts";

const [token, recipient] = [randomAddress(), randomAddress()];
const { tokens } = new TronFacts({ tokens: [{ contract: token, symbol: "USDT", decimals: 6 }] });
const interest: Interest = {
  knows: (key) => key === hexOf(recipient),
  keyFor: (key, evidence) => watchedKey((known) => known === hexOf(recipient), key, evidence),
  followsSpend: () => false,
  refresh: async () => undefined,
};

let node: SimulatedTronNode;
let source: TronSource;

function open(
  endpoint: Partial<TronEndpoint> = {},
  options: { genesis?: string; timeoutMs?: number } = {},
): TronSource {
  source?.close();
  const { genesis = node.genesis, timeoutMs = 5_000 } = options;
  source = new TronSource({ endpoint: { url: node.url, ...endpoint }, genesis, tokens, timeoutMs });
  return source;
}

beforeEach(async () => {
  node = await SimulatedTronNode.start({ solidificationLag: 2 });
  node.chain.mine(10);
  open();
});
afterEach(async () => {
  source.close();
  await node.stop();
});

const blocksFrom = async (after: number, limit = 100) =>
  source.blocksAfter(after, await source.head(), limit, interest);
const calls = (path: string) => node.http.calls.get(path) ?? 0;

describe("the head", () => {
  it("is the newest block, with the newest solidified one", async () => {
    const [head, solidified] = [node.chain.head, node.chain.solidified];
    expect(await source.head()).toEqual({
      height: 10,
      hash: head.answer.blockID,
      finalized: { height: 8, hash: solidified.answer.blockID },
    });
    expect(calls("wallet/getnowblock")).toBe(0);
  });

  it("comes of the whole block where node or provider give no headers alone, which is not asked again", async () => {
    for (const path of ["wallet/getblock", "walletsolidity/getblock"]) node.http.missing.add(path);
    await source.head();
    expect(await source.head()).toMatchObject({ height: 10, finalized: { height: 8 } });
    expect(await source.hashesAt([3])).toEqual([node.chain.block(3)?.answer.blockID]);
    expect([calls("wallet/getblock"), calls("wallet/getnowblock"), calls("wallet/getblockbynum")]).toEqual([1, 2, 1]);
  });

  it("is asked of the two interfaces that a full node has, with the provider's key", async () => {
    const solidity = await SimulatedTronNode.start();
    try {
      solidity.chain.mine(3);
      open({ solidityUrl: solidity.url, headers: { "TRON-PRO-API-KEY": "key-7" } });
      solidity.chain.solidificationLag = 0;
      solidity.chain.mine(1);
      expect(await source.head()).toMatchObject({ height: 10, finalized: { height: 4 } });
      expect(node.http.lastHeaders["tron-pro-api-key"]).toBe("key-7");
      expect(solidity.http.lastHeaders["tron-pro-api-key"]).toBe("key-7");
    } finally {
      await solidity.stop();
    }
  });
});

describe("blocks", () => {
  it("come in ranges, linked, and no more than were asked for", async () => {
    node.chain.mine(50);
    const first = await blocksFrom(0);
    expect(first.map(({ ref }) => ref.height)).toEqual(Array.from({ length: 20 }, (_, place) => place + 1));
    for (const [place, block] of first.entries()) {
      expect(block.parentHash).toBe(node.chain.block(place)?.answer.blockID);
      expect(block.ref.hash).toBe(node.chain.block(place + 1)?.answer.blockID);
    }
    expect((await blocksFrom(55)).map(({ ref }) => ref.height)).toEqual([56, 57, 58, 59, 60]);
    expect(await blocksFrom(60)).toEqual([]);
  });

  it("of many heights are known by few questions", async () => {
    node.chain.mine(100);
    const heights = Array.from({ length: 99 }, (_, place) => 109 - place);
    expect(await source.hashesAt(heights)).toEqual(heights.map((height) => node.chain.block(height)?.answer.blockID));
    expect([calls("wallet/getblockbylimitnext"), calls("wallet/getblock")]).toEqual([5, 0]);
    expect(await source.hashesAt([110, 111, 5])).toEqual([
      node.chain.block(110)?.answer.blockID,
      null,
      node.chain.block(5)?.answer.blockID,
    ]);
  });

  it("that moved since the head was read are asked for anew", async () => {
    const head = await source.head();
    node.chain.reorg(1, "dropped");
    await expect(source.blocksAfter(9, head, 10, interest)).rejects.toThrow(BlockGone);
    await expect(source.blocksAfter(5, head, 10, interest)).rejects.toThrow(BlockGone);
  });

  it("that are not there yet are gone, those that are solidified are missing", async () => {
    node.http.tamper = (path, answer) => {
      if (path === "wallet/getblockbynum") return {};
      return path === "wallet/getblockbylimitnext" ? { block: [] } : answer;
    };
    await expect(blocksFrom(9)).rejects.toThrow(BlockGone);
    await expect(blocksFrom(3)).rejects.toThrow(BlocksMissing);
    await expect(blocksFrom(3)).rejects.toThrow(/block 4 any more.*lite node.*Nothing is skipped/);
  });

  it("with an id for another height are refused", async () => {
    node.http.tamper = (path, answer) => {
      const block = structuredClone(answer) as BlockAnswer;
      if (path === "wallet/getblockbynum") block.blockID = `${"0".repeat(15)}7${block.blockID.slice(16)}`;
      return block;
    };
    await expect(blocksFrom(9)).rejects.toThrow(/for height 10, which its id contradicts/);
  });

  it.each([
    ["nothing that TRON says", [1, 2]],
    ["no block", { hello: "world" }],
    ["transactions that are none", { transactions: [{ txID: 7 }] }],
  ])("that are %s are refused", async (_, said) => {
    node.http.tamper = (path, answer) => {
      if (path !== "wallet/getblockbynum") return answer;
      return "transactions" in said ? { ...(answer as object), ...said } : said;
    };
    await expect(blocksFrom(9)).rejects.toThrow(EndpointFailure);
  });
});

describe("a transaction", () => {
  it("is found in its block, with its transfers", async () => {
    const txId = node.payToken(token, recipient, 5n);
    node.chain.mine(3);
    const { answer } = node.chain.block(11) as { answer: BlockAnswer };
    expect(await source.transaction(txId, interest)).toEqual({
      block: { height: 11, hash: answer.blockID, timeMs: answer.block_header.raw_data.timestamp },
      transfers: [expect.objectContaining({ txId, asset: "USDT", amountAtomic: 5n, failed: false })],
    });
  });

  it("that is in no block is not known", async () => {
    const waiting = node.pay(recipient, 5n);
    expect(await source.transaction(waiting, interest)).toBeNull();
    expect(await source.transaction("ab".repeat(32), interest)).toBeNull();
  });
});

describe("a node is not followed", () => {
  it("on another network", async () => {
    open({}, { genesis: "00000000000000001ebf88508a03865c71d452e25f4d51194196a1d22b6653dc" });
    await expect(source.check()).rejects.toThrow(NodeProblem);
    await expect(source.check()).rejects.toThrow(/another network.*expected is 00000000000000001ebf/);
  });

  it("that keeps nothing of what became of transactions", async () => {
    node.payToken(token, recipient, 5n);
    node.chain.mine(3);
    node.http.tamper = (path, answer) => (path === "wallet/gettransactioninfobyblocknum" ? [] : answer);
    await expect(source.check()).rejects.toThrow(NodeProblem);
    await expect(source.check()).rejects.toThrow(/storage.transHistory.switch/);
    await expect(blocksFrom(10)).rejects.toThrow(/does not say what became of transaction/);
  });
});

describe("a node is followed", () => {
  it("that is on the right network and keeps what is needed", async () => {
    node.payToken(token, recipient, 5n);
    node.chain.mine(3);
    expect(await source.check()).toBeNull();
  });

  it("with a word of what stands still, where much is not solidified", async () => {
    node.chain.stopSolidifying();
    node.chain.mine(98);
    expect(await source.check()).toBeNull();
    node.chain.mine(1);
    expect(await source.check()).toMatch(/101 blocks that are not solidified.*solidityUrl.*none is confirmed/);
  });
});

describe("a node that gives no answer", () => {
  it("because it is asked too often says for how long it wants to be left alone", async () => {
    node.http.retryAfterSeconds = 7;
    const error = await source.head().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EndpointFailure);
    expect(error).toMatchObject({ retryAfterMs: 7_000 });
    expect(calls("walletsolidity/getnowblock")).toBe(0);
  });

  it("within its time has failed", async () => {
    open({}, { timeoutMs: 50 });
    node.http.hanging = true;
    await expect(source.head()).rejects.toThrow(/within 50 ms/);
  });

  it("but an error says which", async () => {
    node.http.tamper = () => ({ Error: "this API is closed because this node is a lite fullnode" });
    await expect(source.head()).rejects.toThrow(/refuses: this API is closed/);
  });

  it("is named without its key", async () => {
    open({ url: `${node.url}/key-in-the-path` });
    const error = await source.head().catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(new URL(node.url).host);
    expect(String(error)).not.toContain("key-in-the-path");
  });
});
