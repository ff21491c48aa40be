/** What may be wrong with a node, said so that the operator knows what to do; and what its pushes are good for. */
import type { Hex } from "viem";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BlockGone, BlocksMissing, EndpointFailure, NodeProblem } from "../../src/chains/following/block-source.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { tokenTransfer } from "../../testkit/anvil/calls.ts";
import { inNewestBlock, sourceOn, token, waitingFor } from "../../testkit/anvil/source.ts";
import { TestChain } from "../../testkit/anvil/test-chain.ts";
import { until } from "../../testkit/until.ts";

let chain: TestChain;
let usdt: Hex;

beforeAll(async () => {
  chain = await TestChain.start(systemClock);
  usdt = await chain.deployToken();
});
afterAll(() => chain.stop());
afterEach(() => {
  chain.facade.overrides.clear();
  chain.facade.refuseWith = null;
});

const refuse = (method: string, message: string, code = -32_000) =>
  chain.facade.overrides.set(method, () => ({ error: { code, message } }));
const answer = (method: string, result: unknown) => chain.facade.overrides.set(method, () => ({ result }));

describe("a node", () => {
  it("of the right network that can do all that is needed may be followed", async () => {
    expect(await sourceOn(chain, [token(usdt)], { tag: "finalized", mempool: true }).check()).toBeNull();
  });

  it("of another network must not", async () => {
    const asked = sourceOn(chain, [], { chainId: 137 }).check();
    await expect(asked).rejects.toThrow(NodeProblem);
    await expect(asked).rejects.toThrow(/is on chain 31337, the configuration says chainId 137/);
  });

  it("that knows no finalized block must not, where the policy needs it", async () => {
    chain.facade.overrides.set("eth_getBlockByNumber", ([which]) => (which === "finalized" ? { result: null } : null));
    await expect(sourceOn(chain, [], { tag: "finalized" }).check()).rejects.toThrow(
      /knows no finalized block: .*set finality to "confirmations"/,
    );
    expect(await sourceOn(chain).check()).toBeNull();
  });

  it("that gives no logs by a block's hash must not, where tokens count", async () => {
    refuse("eth_getLogs", "blockHash is not supported");
    await expect(sourceOn(chain, [token(usdt)]).check()).rejects.toThrow(NodeProblem);
    expect(await sourceOn(chain).check()).toBeNull();
  });

  it("without a contract where a token should be, or with other decimals, must not", async () => {
    await expect(sourceOn(chain, [token(chain.newAddress())]).check()).rejects.toThrow(/There is no contract at/);
    await expect(sourceOn(chain, [token(usdt, { decimals: 18 })]).check()).rejects.toThrow(
      /USDT says that it has 6 decimals, the configuration says 18/,
    );
  });

  it("that does not tell balances at a block must not, unless the operator trusts the tokens", async () => {
    chain.facade.overrides.set("eth_call", ([, block]) =>
      typeof block === "object" ? { error: { code: -32_602, message: "invalid argument 1" } } : null,
    );
    const asked = sourceOn(chain, [token(usdt)]).check();
    await expect(asked).rejects.toThrow(NodeProblem);
    await expect(asked).rejects.toThrow(/balances of USDT at a block .*balanceCheck to false/);
    expect(await sourceOn(chain, [token(usdt, { balanceCheck: false })]).check()).toBeNull();
  });

  it("that is still synchronising may, and the operator is told", async () => {
    answer("eth_syncing", { startingBlock: "0x0", currentBlock: "0x10", highestBlock: "0x20" });
    expect(await sourceOn(chain).check()).toMatch(/still synchronising \(block 16 of 32\)/);
  });

  it("that builds no pending block may, and the operator is told", async () => {
    chain.facade.overrides.set("eth_getBlockByNumber", ([which]) => (which === "pending" ? { result: null } : null));
    const source = sourceOn(chain, [], { mempool: true });
    expect(await source.check()).toMatch(/builds no pending block: .*set mempool to false/);
    expect(await source.pending?.(waitingFor())).toMatchObject({ transfers: [], spenders: [] });
  });
});

describe("old blocks that a node no longer has are no silent gap:", () => {
  const blocksFrom = async (after: number) => {
    const source = sourceOn(chain, [token(usdt)]);
    const head = await source.head();
    return source.blocksAfter(after, head, 20, waitingFor(chain.newAddress()));
  };

  beforeAll(() => chain.mine(5));

  it("the block itself", async () => {
    chain.facade.overrides.set("eth_getBlockByNumber", ([which]) => (which === "0x2" ? { result: null } : null));
    const asked = blocksFrom(1);
    await expect(asked).rejects.toThrow(BlocksMissing);
    await expect(asked).rejects.toThrow(/no longer has block 2.*add an endpoint with full history/);
  });

  it("by the error of EIP-4444", async () => {
    refuse("eth_getBlockByNumber", "pruned history unavailable", 4_444);
    await expect(sourceOn(chain).blockAt(2)).rejects.toThrow(BlocksMissing);
  });

  it("its receipts, where the answer is that there are no logs", async () => {
    await chain.send([tokenTransfer(usdt, chain.newAddress(), 5n)], [usdt]);
    await chain.mine(1);
    const height = await chain.height();
    answer("eth_getLogs", []);
    answer("eth_getTransactionReceipt", null);
    await expect(blocksFrom(height - 1)).rejects.toThrow(/has no receipts of block \d+: payments in it would be/);
  });

  it("but one that another has taken the place of is only gone", async () => {
    const source = sourceOn(chain);
    const head = await source.head();
    await chain.reorg(1, "dropped");
    await chain.anvil.rpc("anvil_rollback", 2);
    await expect(source.blocksAfter(head.height - 2, head, 2, waitingFor())).rejects.toThrow(BlockGone);
  });
});

describe("trouble on the way", () => {
  it("is an endpoint's failure: nothing there, no JSON, another service", async () => {
    const nowhere = sourceOn(chain, [], { url: "http://user:secret@127.0.0.1:1/key" });
    await expect(nowhere.head()).rejects.toThrow(EndpointFailure);
    await expect(nowhere.head()).rejects.not.toThrow(/secret|key/);
    answer("eth_getBlockByNumber", { number: "0x1", hash: "0x12" });
    await expect(sourceOn(chain).head()).rejects.toThrow(/not an Ethereum node's/);
    answer("eth_getBlockByNumber", "a poem");
    await expect(sourceOn(chain).head()).rejects.toThrow(EndpointFailure);
  });

  it("a provider that asks to be left alone is, as long as it says", async () => {
    chain.facade.refuseWith = { status: 429, headers: { "retry-after": "7" } };
    await expect(sourceOn(chain).head()).rejects.toMatchObject({ name: "EndpointFailure", retryAfterMs: 7_000 });
    chain.facade.refuseWith = null;
    refuse("eth_getBlockByNumber", "daily request count exceeded", -32_005);
    await expect(sourceOn(chain).head()).rejects.toMatchObject({ name: "EndpointFailure", retryAfterMs: 1_000 });
  });

  it("a node that takes no batches can be asked one by one, and its refusal says how", async () => {
    chain.facade.takesBatches = false;
    try {
      await expect(sourceOn(chain).hashesAt([1, 2, 3])).rejects.toThrow(
        /refuses 3 calls in one request.*lower batchSize/,
      );
      expect(await sourceOn(chain, [], { batchSize: 1 }).hashesAt([1, 2, 3])).toHaveLength(3);
    } finally {
      chain.facade.takesBatches = true;
    }
  });

  it("a node that gives no receipts of a whole block is asked for each", async () => {
    refuse("eth_getBlockReceipts", "the method eth_getBlockReceipts does not exist", -32_601);
    const payees = Array.from({ length: 30 }, () => chain.newAddress());
    await chain.send(payees.map((to) => ({ to, value: 5n })));
    await chain.mine(1);
    const source = sourceOn(chain);
    for (const time of ["first", "again"]) {
      chain.facade.asked.length = 0;
      const found = await inNewestBlock(source, waitingFor(...payees));
      expect(found.filter(({ failed }) => !failed)).toHaveLength(30);
      const once = chain.facade.asked.filter((method) => method === "eth_getBlockReceipts").length;
      expect([time, once]).toEqual([time, time === "first" ? 1 : 0]);
    }
  });

  it("a refusal about a block that is still there is the node's trouble, about another one the chain's", async () => {
    await chain.send([tokenTransfer(usdt, chain.newAddress(), 5n)], [usdt]);
    await chain.mine(1);
    refuse("eth_getLogs", "unknown block");
    await expect(inNewestBlock(sourceOn(chain, [token(usdt)]), waitingFor())).rejects.toThrow(EndpointFailure);
    chain.facade.overrides.set("eth_getLogs", () => {
      // The block is another one by the time of the next question.
      chain.facade.overrides.set("eth_getBlockByNumber", () => ({ result: null }));
      return { error: { code: -32_000, message: "unknown block" } };
    });
    await expect(inNewestBlock(sourceOn(chain, [token(usdt)]), waitingFor())).rejects.toThrow(BlockGone);
  });
});

describe("pushes of new blocks", () => {
  it("wake whoever listens; a lost feed is told and comes back by itself", async () => {
    const source = sourceOn(chain, [], { wsUrl: chain.facade.wsUrl });
    let news = 0;
    const troubles: string[] = [];
    const end = source.subscribe?.(
      () => {
        news += 1;
      },
      (message) => troubles.push(message),
    );
    try {
      await until("the first push", async () => {
        await chain.mine(1);
        return news > 0;
      });
      await chain.facade.disconnect();
      await until("the loss to be told", () => troubles.length > 0);
      expect(troubles[0]).toMatch(/127\.0\.0\.1/);
      await chain.facade.connect();
      news = 0;
      await until("a push again", async () => {
        await chain.mine(1);
        return news > 0;
      });
    } finally {
      end?.();
    }
  });
});
