/** bitcoind's answers, from bcoin's chain and mempool. Source: Bitcoin Core RPC reference. */
import bcoin, { type ChainEntry } from "bcoin";
import { type RegtestNode, reversed } from "./regtest-node.ts";
import { RpcRefusal } from "./rpc-server.ts";

type Method = (node: RegtestNode, ...params: readonly unknown[]) => unknown;

async function entryOf(node: RegtestNode, hash: unknown): Promise<ChainEntry> {
  const entry = await node.node.chain.getEntry(reversed(String(hash)));
  if (!entry) throw new RpcRefusal(-5, "Block not found");
  return entry;
}

async function header(node: RegtestNode, hash: unknown) {
  const entry = await entryOf(node, hash);
  const onMainChain = await node.node.chain.isMainChain(entry);
  return {
    hash: entry.rhash(),
    confirmations: onMainChain ? node.tip.height - entry.height + 1 : -1,
    height: entry.height,
    time: entry.time,
    ...(entry.height > 0 ? { previousblockhash: reversed(entry.prevBlock) } : {}),
  };
}

async function rawBlock(node: RegtestNode, hash: unknown, verbosity: unknown): Promise<string> {
  if (verbosity !== 0) throw new RpcRefusal(-8, "The facade gives raw blocks only");
  const block = await node.blockHex((await entryOf(node, hash)).rhash());
  if (!block) throw new RpcRefusal(-1, "Block not available (pruned data)");
  return block;
}

function mempoolEntry(node: RegtestNode, txId: unknown) {
  const { mempool } = node.node;
  const entry = mempool.getEntry(reversed(String(txId)));
  if (!entry) throw new RpcRefusal(-5, "Transaction not in mempool");
  const ancestors = mempool.getAncestors(entry);
  return {
    vsize: entry.tx.getVirtualSize(),
    weight: entry.tx.getWeight(),
    time: Math.floor(node.enteredAtMs(entry.tx.txid()) / 1000),
    ancestorcount: ancestors.length + 1,
    "bip125-replaceable": entry.tx.isRBF() || ancestors.some(({ tx }) => tx.isRBF()),
  };
}

function spenders(node: RegtestNode, outpoints: unknown) {
  if (!Array.isArray(outpoints) || outpoints.length === 0)
    throw new RpcRefusal(-8, "Invalid parameter, outputs are missing");
  return outpoints.map(({ txid, vout }: { txid: string; vout: number }) => {
    const spender = node.node.mempool.getSpentTX(reversed(txid), vout);
    return { txid, vout, ...(spender ? { spendingtxid: spender.txid() } : {}) };
  });
}

export const RPC_METHODS: Readonly<Record<string, Method>> = {
  getblockchaininfo: (node) => ({
    chain: "regtest",
    blocks: node.tip.height,
    headers: node.tip.height,
    bestblockhash: node.tip.rhash(),
    initialblockdownload: false,
    pruned: false,
  }),
  getnetworkinfo: () => ({ version: 280_000, subversion: "/bcoin-behind-a-facade/", connections: 0 }),
  getblockcount: (node) => node.tip.height,
  getbestblockhash: (node) => node.tip.rhash(),
  getblockhash: async (node, height) => {
    const entry = await node.node.chain.getEntry(Number(height));
    if (!entry) throw new RpcRefusal(-8, "Block height out of range");
    return entry.rhash();
  },
  getblockheader: header,
  getblock: rawBlock,
  getrawmempool: (node) => [...node.node.mempool.map.values()].map(({ tx }) => tx.txid()),
  getmempoolinfo: (node) => ({ loaded: true, size: node.node.mempool.map.size }),
  getmempoolentry: mempoolEntry,
  gettxspendingprevout: spenders,
  // Without -txindex, as most nodes are: only what is in the mempool.
  getrawtransaction: (node, txId) => {
    const tx = node.mempoolTransaction(String(txId));
    if (!tx)
      throw new RpcRefusal(-5, "No such mempool transaction. Use -txindex to enable blockchain transaction queries");
    return tx.toRaw().toString("hex");
  },
  sendrawtransaction: async (node, hex) => {
    const raw = Buffer.from(String(hex), "hex");
    await node.send(raw);
    return bcoin.TX.fromRaw(raw).txid();
  },
};
