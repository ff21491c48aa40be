/** One Solana node, asked: slots without blocks, finality, what it lacks, what it is not, what it refuses. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BlockGone, BlocksMissing, EndpointFailure, NodeProblem } from "../../src/chains/following/block-source.ts";
import type { SolanaSource } from "../../src/chains/solana/solana-source.ts";
import { transferSol } from "../../testkit/solana/instructions.ts";
import { RpcRefusal } from "../../testkit/solana/json-rpc-server.ts";
import { sourceOn, waitingFor } from "../../testkit/solana/scan.ts";
import { TestSolanaNode } from "../../testkit/solana/solana-node.ts";
import { TestToken } from "../../testkit/solana/test-token.ts";
import { until } from "../../testkit/until.ts";

const nobody = waitingFor();

let node: TestSolanaNode;
let source: SolanaSource;

beforeEach(async () => {
  node = await TestSolanaNode.start();
  source = sourceOn(node);
});
afterEach(async () => {
  source.close();
  await node.server.close();
});

const refuse = (method: string, code: number, message: string, data?: unknown) =>
  node.overrides.set(method, () => {
    throw new RpcRefusal(code, message, data);
  });

describe("blocks", () => {
  it("are named by their slot, and each is the parent of the next, over slots that were skipped", async () => {
    const { slot: before, hash: parentHash } = node.ledger.head;
    node.mine(1);
    node.mine(2, 3);
    const blocks = await source.blocksAfter(before, await source.head(), 10, nobody);
    expect(blocks.map(({ ref }) => ref.height - before)).toEqual([1, 5, 9]);
    expect(blocks.map((block) => block.parentHash)).toEqual([parentHash, blocks[0]?.ref.hash, blocks[1]?.ref.hash]);
  });

  it("are found behind more skipped slots than are asked about at once", async () => {
    const before = node.ledger.head.slot;
    node.mine(1, 2_500);
    const blocks = await source.blocksAfter(before, await source.head(), 10, nobody);
    expect(blocks.map(({ ref }) => ref.height)).toEqual([before + 2_501]);
  });

  it("come at most so many at a time", async () => {
    const before = node.ledger.head.slot;
    node.mine(10);
    const blocks = await source.blocksAfter(before, await source.head(), 4, nobody);
    expect(blocks.map(({ ref }) => ref.height - before)).toEqual([1, 2, 3, 4]);
  });

  it("of a skipped slot, or of one that is still to come, have no hash", async () => {
    node.mine(1, 1);
    const { slot, hash } = node.ledger.head;
    expect(await source.hashesAt([slot + 1, slot, slot - 1])).toEqual([null, hash, null]);
    await expect(source.blockAt(slot - 1)).rejects.toBeInstanceOf(BlockGone);
    expect((await source.blockAt(slot)).ref.hash).toBe(hash);
  });

  it("that the node no longer has are missing, and the first that it has is named", async () => {
    const before = node.ledger.head.slot;
    node.mine(20);
    node.ledger.firstAvailableSlot = before + 10;
    const asked = source.blocksAfter(before, await source.head(), 5, nobody);
    await expect(asked).rejects.toBeInstanceOf(BlocksMissing);
    await expect(asked).rejects.toMatchObject({ firstHeight: before + 10 });
  });

  it("that a part of the node does not have, though it should, are asked for again", async () => {
    const before = node.ledger.head.slot;
    node.mine(3);
    node.overrides.set("getBlocks", (real) => (real() as number[]).filter((slot) => slot !== before + 2));
    await expect(source.blocksAfter(before, await source.head(), 5, nobody)).rejects.toBeInstanceOf(BlockGone);
  });

  it("without a time are not believed", async () => {
    node.overrides.set("getBlock", (real) => ({ ...(real() as object), blockTime: null }));
    await expect(source.head()).rejects.toThrow("does not know the time");
  });
});

describe("the head", () => {
  it("is the newest confirmed slot, and the finalized one is beside it", async () => {
    node.ledger.finalizationLag = 2;
    node.mine(5);
    const { head, finalized } = node.ledger;
    expect(finalized.slot).toBe(head.slot - 2);
    expect(await source.head()).toEqual({
      height: head.slot,
      hash: head.hash,
      finalized: { height: finalized.slot, hash: finalized.hash },
    });
  });

  it("is waited for where its slot is known before its block", async () => {
    let early = 2;
    node.overrides.set("getBlock", (real) => {
      early -= 1;
      if (early >= 0) throw new RpcRefusal(-32004, "Block not available for slot");
      return real();
    });
    expect((await source.head()).height).toBe(node.ledger.head.slot);
  });
});

describe("one transaction", () => {
  it("is found with its block, by its signature", async () => {
    const { payer } = node.ledger.svm;
    const shop = "11111111111111111111111111111112";
    const txId = await node.ledger.send([transferSol(payer.address, shop as typeof payer.address, 2_000_000n)]);
    expect(await source.transaction(txId, waitingFor(shop))).toBeNull();
    node.mine(1);
    expect(await source.transaction(txId, waitingFor(shop))).toMatchObject({
      block: { height: node.ledger.head.slot, hash: node.ledger.head.hash },
      transfers: [{ txId, amountAtomic: 2_000_000n }],
    });
  });
});

describe("a node is not followed", () => {
  const problem = async (expected: string, asked: SolanaSource = source) => {
    const checked = asked.check();
    await expect(checked).rejects.toBeInstanceOf(NodeProblem);
    await expect(checked).rejects.toThrow(expected);
  };

  it("that is on another network", async () => {
    await problem("is on the network that begins with", sourceOn(node, [], { genesisHash: "5eykt4" }));
    expect(await sourceOn(node, [], { genesisHash: null }).check()).toBeNull();
  });

  it("on whose network a token is none, or has other decimals", async () => {
    const usdc = await TestToken.create(node.ledger, "USDC");
    expect(await sourceOn(node, [usdc.token]).check()).toBeNull();
    await problem("has 6 decimals, the configuration says 9", sourceOn(node, [{ ...usdc.token, decimals: 9 }]));
    await problem("is no token's mint", sourceOn(node, [{ ...usdc.token, mint: node.ledger.svm.payer.address }]));
  });

  it("that keeps no transactions, or lacks a method", async () => {
    refuse("getBlock", -32011, "Transaction history is not available from this node");
    await expect(source.head()).rejects.toThrow("--enable-rpc-transaction-history");
    refuse("getFirstAvailableBlock", -32601, "Method not found");
    await problem("Use another endpoint");
  });

  it("where a transaction is newer than this program knows: nothing is skipped", async () => {
    refuse("getBlock", -32015, "Transaction version (2) is not supported by the requesting client");
    await expect(source.head()).rejects.toThrow("newer version");
    await expect(source.head()).rejects.toBeInstanceOf(NodeProblem);
  });
});

describe("trouble", () => {
  it("of a node that is behind the network is told, and prevents nothing", async () => {
    refuse("getHealth", -32005, "Node is behind by 42 slots", { numSlotsBehind: 42 });
    expect(await source.check()).toContain("behind the network by 42 slots");
  });

  it("of a provider without getHealth is none", async () => {
    refuse("getHealth", -32601, "Method not found");
    expect(await source.check()).toBeNull();
  });

  it("of too many calls says how long to wait, by HTTP and by JSON-RPC", async () => {
    node.server.raw = { status: 429, headers: { "retry-after": "7" }, body: "" };
    await expect(source.head()).rejects.toMatchObject({ name: "EndpointFailure", retryAfterMs: 7_000 });
    node.server.raw = null;
    refuse("getSlot", 429, "Too many requests");
    await expect(source.head()).rejects.toMatchObject({ name: "EndpointFailure", retryAfterMs: 1_000 });
  });

  it.each([
    ["no JSON", "<html>"],
    ["no answer", "{}"],
    ["a slot that is none", '{"jsonrpc":"2.0","id":0,"result":"12"}'],
  ])("of an answer that is %s is the endpoint's", async (_, body) => {
    node.server.raw = { status: 200, body };
    await expect(source.head()).rejects.toBeInstanceOf(EndpointFailure);
  });
});

describe("pushed slots", () => {
  it("wake, and what is lost comes back by itself", async () => {
    source = sourceOn(node, [], { wsUrl: node.server.wsUrl });
    let news = 0;
    const troubles: string[] = [];
    const end = source.subscribe?.(
      () => {
        news += 1;
      },
      (message) => troubles.push(message),
    );
    await until("the subscription", () => node.server.listeners === 1);
    await until("news", () => {
      node.push();
      return news > 0;
    });
    await node.server.close();
    await until("the trouble", () => troubles.length === 1);
    await node.server.listen();
    await until("the subscription again", () => node.server.listeners === 1);
    end?.();
    await until("its end", () => node.server.listeners === 0);
  });

  it("and questions carry the provider's headers", async () => {
    await sourceOn(node, [], { headers: { "x-api-key": "secret" } }).head();
    expect(node.server.lastHeaders["x-api-key"]).toBe("secret");
  });
});
