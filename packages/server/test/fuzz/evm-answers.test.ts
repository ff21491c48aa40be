/**
 * Whatever stands at an endpoint's URL: each question gets an answer of its type, or one of the documented errors. A node
 * that was confused with another program must not crash the watcher, nor make it report what is none.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EvmSource } from "../../src/chains/evm/evm-source.ts";
import { TokenRegistry } from "../../src/chains/evm/tokens.ts";
import { BlockGone, EndpointFailure, type Interest, NodeProblem } from "../../src/chains/following/block-source.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { hostileJson, runs } from "./hostile.ts";

const HASH = `0x${"0f".repeat(32)}`;
const PARENT = `0x${"00".repeat(32)}`;
const TOKEN = `0x${"aa".repeat(20)}`;
const ALICE = `0x${"bb".repeat(20)}`;
const BOB = `0x${"cc".repeat(20)}`;
const topic = (address: string) => `0x${address.slice(2).padStart(64, "0")}`;

const TRANSACTION = { hash: HASH, from: BOB, to: ALICE, value: "0x5", nonce: "0x1", input: "0x", blockHash: HASH };
const BLOCK = {
  number: "0x1",
  hash: HASH,
  parentHash: PARENT,
  timestamp: "0x65526ac4",
  logsBloom: `0x${"ff".repeat(256)}`,
  transactions: [TRANSACTION],
};
const LOG = {
  address: TOKEN,
  topics: ["0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef", topic(BOB), topic(ALICE)],
  data: `0x${"5".padStart(64, "0")}`,
  blockHash: HASH,
  transactionHash: HASH,
  transactionIndex: "0x0",
  logIndex: "0x0",
};
const RECEIPT = { transactionHash: HASH, blockHash: HASH, status: "0x1" };

/** What a node would answer, by method. */
const GOOD: Readonly<Record<string, unknown>> = {
  eth_chainId: "0x1",
  eth_syncing: false,
  eth_getBlockByNumber: BLOCK,
  eth_getBlockByHash: BLOCK,
  eth_getLogs: [LOG],
  eth_getTransactionReceipt: RECEIPT,
  eth_getBlockReceipts: [RECEIPT],
  eth_getTransactionByHash: TRANSACTION,
  eth_getCode: "0x60",
  eth_call: `0x${"6".padStart(64, "0")}`,
};

let server: Server;
let source: EvmSource;
/** In place of the good answer to this method. */
let hostile: { method: string; body: string } | null = null;

const everybody: Interest = {
  knows: () => true,
  keyFor: (recipient) => recipient,
  followsSpend: () => true,
  refresh: async () => undefined,
};

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const { id, method } = JSON.parse(body) as { id: number; method: string };
    const good = () => JSON.stringify({ jsonrpc: "2.0", id, result: GOOD[method] });
    response.end(hostile?.method === method ? hostile.body : good());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  source = new EvmSource({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    wsUrl: null,
    headers: {},
    chainId: 1,
    tokens: new TokenRegistry({ symbol: "ETH", decimals: 18 }, [
      { contract: TOKEN, symbol: "USDT", decimals: 6, balanceCheck: true },
    ]),
    tag: "finalized",
    mempool: true,
    batchSize: 1,
    clock: systemClock,
  });
});
afterAll(async () => {
  source.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const HEAD = { height: 1, hash: HASH, finalized: null };
const isHash = expect.stringMatching(/^0x[0-9a-f]{64}$/);
const isTransfers = expect.toSatisfy((transfers: { amountAtomic: unknown; txId: unknown }[]) =>
  transfers.every(
    ({ amountAtomic, txId }) => typeof amountAtomic === "bigint" && /^0x[0-9a-f]{64}$/.test(String(txId)),
  ),
);

/** Every question of a watcher. */
async function everyQuestion(): Promise<void> {
  for (const [ask, gives] of [
    [() => source.check(), expect.toSatisfy((note) => note === null || typeof note === "string")],
    [() => source.head(), expect.objectContaining({ height: expect.any(Number), hash: isHash })],
    [() => source.blockAt(1), expect.objectContaining({ parentHash: isHash })],
    [() => source.hashesAt([1]), [expect.toSatisfy((one) => one === null || /^0x[0-9a-f]{64}$/.test(String(one)))]],
    [() => source.blocksAfter(0, HEAD, 1, everybody), [expect.objectContaining({ transfers: isTransfers })]],
    [
      () => source.transaction(HASH, everybody),
      expect.toSatisfy((one) => one === null || Array.isArray(one.transfers)),
    ],
    [() => source.pending?.(everybody), expect.objectContaining({ transfers: isTransfers })],
  ] as const) {
    try {
      expect(await ask()).toEqual(gives);
    } catch (error) {
      const documented = [EndpointFailure, NodeProblem, BlockGone].some((kind) => error instanceof kind);
      if (!documented) throw error;
    }
  }
}

it("reads good answers", async () => {
  const [block] = await source.blocksAfter(0, HEAD, 1, everybody);
  // The recipient's balance is the same before and after: of the token nothing arrived.
  expect(block?.transfers.map(({ asset, amountAtomic, failed }) => [asset, amountAtomic, failed])).toEqual([
    ["ETH", 5n, false],
    ["USDT", 5n, true],
  ]);
});

it.each(Object.keys(GOOD))("reads or refuses any answer to %s", { timeout: 60_000 }, async (method) => {
  const valid = [
    { jsonrpc: "2.0", id: 0, result: GOOD[method] },
    { jsonrpc: "2.0", id: 0, error: { code: -32_000, message: "unknown block" } },
  ];
  await fc.assert(
    fc.asyncProperty(hostileJson(...valid), async (body) => {
      hostile = { method, body };
      await everyQuestion();
    }),
    {
      ...runs(60),
      examples: [
        ["null"],
        ["[]"],
        ["[null]"],
        ['{"id":0,"result":null}'],
        ['{"id":0,"error":{"code":{},"message":{}}}'],
      ],
    },
  );
  hostile = null;
});
