/**
 * Whatever stands at rpcUrl: it gives values of their types, or one of the two documented errors. A node that was
 * confused with another program must not crash the watcher, nor put into its cursor what it could not read again.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Bitcoind } from "../../src/chains/bitcoin/bitcoind.ts";
import { NodeUnreachable, RpcClient } from "../../src/chains/bitcoin/rpc.ts";
import { RpcError } from "../../src/chains/bitcoin/rpc-answer.ts";
import { hostileJson, hostileText, runs } from "./hostile.ts";

const HASH = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
const OTHER = "00".repeat(32);
const isHash = expect.stringMatching(/^[0-9a-f]{64}$/);
const isHashOrNull = expect.toSatisfy((value: unknown) => value === null || /^[0-9a-f]{64}$/.test(String(value)));
const isCount = expect.toSatisfy((value: unknown) => Number.isInteger(value) && Number(value) >= 0);
const isCountOrNull = expect.toSatisfy((value: unknown) => value === null || Number.isInteger(value));
const isBytesOrNull = expect.toSatisfy((value: unknown) => value === null || Buffer.isBuffer(value));

let server: Server;
let node: Bitcoind;
let answer: { status: number; body: string } = { status: 200, body: "" };
const stopping = new AbortController();

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    request.once("end", () => response.writeHead(answer.status).end(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { url, user: null, password: null, cookieFile: null, timeoutMs: 30_000 };
  node = new Bitcoind(new RpcClient(options, stopping.signal));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Call {
  /** What bitcoind would answer. */
  valid: unknown[];
  ask: () => Promise<unknown>;
  /** The form of whatever is made of an answer. */
  gives: unknown;
}

const one = (result: unknown) => ({ result, error: null, id: 0 });
const refused = { result: null, error: { code: -5, message: "not found" }, id: 0 };
const batch = (result: unknown) => [
  [one(result), { result, error: null, id: 1 }],
  [refused, { ...refused, id: 1 }],
];

const CALLS: Record<string, Call> = {
  getblockchaininfo: {
    valid: [
      one({ chain: "main", blocks: 5, headers: 6, bestblockhash: HASH, initialblockdownload: false, pruneheight: 2 }),
      refused,
    ],
    ask: () => node.chainInfo(),
    gives: {
      chain: expect.any(String),
      blocks: isCount,
      headers: isCount,
      bestBlockHash: isHash,
      initialBlockDownload: expect.any(Boolean),
      pruneHeight: isCountOrNull,
    },
  },
  getnetworkinfo: { valid: [one({ connections: 8 })], ask: () => node.peers(), gives: isCount },
  getbestblockhash: { valid: [one(HASH)], ask: () => node.bestBlockHash(), gives: isHash },
  getblockheader: {
    valid: [one({ hash: HASH, height: 7, time: 1_700_000_000, previousblockhash: OTHER }), refused],
    ask: () => node.header(HASH),
    gives: { hash: isHash, height: isCount, timeMs: isCount, previousHash: isHashOrNull },
  },
  getblockhash: { valid: batch(HASH), ask: () => node.blockHashes([1, 2]), gives: [isHashOrNull, isHashOrNull] },
  getblock: { valid: [one("00ff"), refused], ask: () => node.rawBlock(HASH), gives: isBytesOrNull },
  getrawmempool: {
    valid: [one([HASH, OTHER])],
    ask: () => node.mempool(),
    gives: expect.toSatisfy((txIds: Set<unknown>) => [...txIds].every((txId) => /^[0-9a-f]{64}$/.test(String(txId)))),
  },
  getmempoolinfo: { valid: [one({ loaded: true })], ask: () => node.mempoolLoaded(), gives: expect.any(Boolean) },
  getmempoolentry: {
    valid: batch({ time: 1_700_000_000, "bip125-replaceable": true, ancestorcount: 2 }),
    ask: () => node.mempoolEntries([HASH, OTHER]),
    gives: [expect.anything(), expect.anything()].map(() =>
      expect.toSatisfy((entry: { timeMs: unknown } | null) => entry === null || Number.isInteger(entry.timeMs)),
    ),
  },
  getrawtransaction: {
    valid: batch("00ff"),
    ask: () => node.rawTransactions([HASH, OTHER]),
    gives: [isBytesOrNull, isBytesOrNull],
  },
  gettxspendingprevout: {
    valid: batch([{ txid: OTHER, vout: 0, spendingtxid: HASH }]),
    ask: () => node.mempoolSpenders([[`${OTHER}:0`], [`${OTHER}:1`]]),
    gives: [isHashOrNull, isHashOrNull],
  },
};

/** What was asked, or the documented error. */
async function outcome(ask: () => Promise<unknown>, gives: unknown): Promise<void> {
  try {
    expect(await ask()).toEqual(gives);
  } catch (error) {
    if (!(error instanceof RpcError) && !(error instanceof NodeUnreachable)) throw error;
  }
}

it.each(Object.entries(CALLS))("reads good answers to %s", async (_name, { valid, ask, gives }) => {
  answer = { status: 200, body: JSON.stringify(valid[0]) };
  expect(await ask()).toEqual(gives);
});

it.each(Object.entries(CALLS))("reads or refuses any answer to %s", async (_name, { valid, ask, gives }) => {
  const status = fc.oneof({ weight: 5, arbitrary: fc.constant(200) }, fc.constantFrom(204, 302, 404, 500, 503));
  const body = hostileJson(...valid);
  await fc.assert(
    fc.asyncProperty(status, body, async (code, text) => {
      answer = { status: code, body: text };
      await outcome(ask, gives);
    }),
    {
      ...runs(200),
      examples: [
        [200, "[null,null]"],
        [200, '{"result":null,"error":{"code":{"toString":1,"valueOf":1},"message":{"toString":1}},"id":0}'],
        [200, JSON.stringify([one([null]), { ...one([null]), id: 1 }])],
        [200, JSON.stringify(one("nonsense"))],
      ],
    },
  );
});

it("takes what stands in the URL for credentials, whatever it is", () => {
  fc.assert(
    fc.property(hostileText, hostileText, (user, password) => {
      const url = new URL("http://127.0.0.1:1");
      url.username = user.toWellFormed();
      url.password = password.toWellFormed();
      const options = { user: null, password: null, cookieFile: null, timeoutMs: 1 };
      new RpcClient({ ...options, url: url.href }, stopping.signal);
      new RpcClient({ ...options, url: "http://user:100%@127.0.0.1:1" }, stopping.signal);
    }),
    runs(200),
  );
});
