/** The calls that the watcher makes, with their answers checked and typed. Amounts never come as JSON numbers. */
import { NodeUnreachable, type RpcClient } from "./rpc.ts";
import { isMethodMissing, RPC_INVALID_PARAMETER, RPC_NOT_FOUND, RpcError } from "./rpc-answer.ts";
import { inSlices } from "./slices.ts";

export interface ChainInfo {
  /** `main`, `test`, `signet`, `regtest`. */
  chain: string;
  /** Height up to which the node has validated. */
  blocks: number;
  /** Height up to which it knows that there are blocks. */
  headers: number;
  bestBlockHash: string;
  initialBlockDownload: boolean;
  /** The lowest block that it still has, if it is pruned. */
  pruneHeight: number | null;
}

export interface HeaderInfo {
  hash: string;
  height: number;
  timeMs: number;
  previousHash: string | null;
}

export interface MempoolEntry {
  /** When it entered, by the node's clock, milliseconds; bitcoind counts in seconds. */
  timeMs: number;
  /** BIP125, inherited or by itself. `null`: this version of the node does not say. */
  replaceable: boolean | null;
  /** It spends outputs of transactions that are unconfirmed themselves. */
  hasUnconfirmedParents: boolean;
}

/** The node says that this is no transaction at all (code −8): it will never say anything else. */
export const REFUSED = "refused";

export class Bitcoind {
  readonly #rpc: Pick<RpcClient, "call" | "batch">;

  constructor(rpc: Pick<RpcClient, "call" | "batch">) {
    this.#rpc = rpc;
  }

  async chainInfo(): Promise<ChainInfo> {
    const answer = record(await this.#rpc.call("getblockchaininfo"), "getblockchaininfo");
    return {
      chain: text(answer.chain, "getblockchaininfo.chain"),
      blocks: count(answer.blocks, "getblockchaininfo.blocks"),
      // −1 while a node that has just started knows of none.
      headers: answer.headers === -1 ? 0 : count(answer.headers, "getblockchaininfo.headers"),
      bestBlockHash: hash(answer.bestblockhash, "getblockchaininfo.bestblockhash"),
      initialBlockDownload: answer.initialblockdownload === true,
      pruneHeight: answer.pruneheight === undefined ? null : count(answer.pruneheight, "getblockchaininfo.pruneheight"),
    };
  }

  async peers(): Promise<number> {
    const answer = record(await this.#rpc.call("getnetworkinfo"), "getnetworkinfo");
    return count(answer.connections, "getnetworkinfo.connections");
  }

  async bestBlockHash(): Promise<string> {
    return hash(await this.#rpc.call("getbestblockhash"), "getbestblockhash");
  }

  /** @throws RpcError −5 when the node does not know the block */
  async header(blockHash: string): Promise<HeaderInfo> {
    const answer = record(await this.#rpc.call("getblockheader", [blockHash, true]), "getblockheader");
    return {
      hash: hash(answer.hash, "getblockheader.hash"),
      height: count(answer.height, "getblockheader.height"),
      timeMs: count(answer.time, "getblockheader.time") * 1000,
      // The first block has none.
      previousHash: hashOrNull(answer.previousblockhash, "getblockheader.previousblockhash"),
    };
  }

  /** The main chain's blocks at these heights; `null` above its tip. */
  async blockHashes(heights: readonly number[]): Promise<readonly (string | null)[]> {
    return this.#each("getblockhash", heights, RPC_INVALID_PARAMETER, (answer) => hash(answer, "getblockhash"));
  }

  /** @throws RpcError when the node does not have it (any more) */
  async rawBlock(blockHash: string): Promise<Buffer> {
    return bytes(await this.#rpc.call("getblock", [blockHash, 0]), "getblock");
  }

  /** The ids of all transactions in it. Only those that are not `known` have to be looked at: a known one was before. */
  async mempool(known: (txId: string) => boolean = () => false): Promise<ReadonlySet<string>> {
    const answer = await this.#rpc.call("getrawmempool", [false]);
    if (!Array.isArray(answer)) throw malformed("getrawmempool");
    const txIds = new Set<string>();
    await inSlices(answer, (txId) => txIds.add(known(txId) ? txId : hash(txId, "getrawmempool")));
    return txIds;
  }

  /** `false` while bitcoind still reads its mempool from disk after a start. */
  async mempoolLoaded(): Promise<boolean> {
    return record(await this.#rpc.call("getmempoolinfo"), "getmempoolinfo").loaded !== false;
  }

  /** `null` for those that are not in the mempool. */
  async mempoolEntries(txIds: readonly string[]): Promise<readonly (MempoolEntry | null | typeof REFUSED)[]> {
    const answers = await this.#rpc.batch(txIds.map((txId) => ({ method: "getmempoolentry", params: [txId] })));
    return answers.map((answer) => {
      if (!(answer instanceof RpcError)) return mempoolEntry(answer);
      if (answer.code === RPC_NOT_FOUND) return null;
      if (answer.code === RPC_INVALID_PARAMETER) return REFUSED;
      throw answer;
    });
  }

  /** `null` for those that the node does not know. */
  async rawTransactions(txIds: readonly string[]): Promise<readonly (Buffer | null)[]> {
    return this.#each("getrawtransaction", txIds, RPC_NOT_FOUND, (answer) => bytes(answer, "getrawtransaction"));
  }

  /**
   * For each list of outpoints (`txid:vout`) a transaction in the mempool that spends one of them, or `null`.
   * Nodes before Bitcoin Core 24 cannot say: `null` for all.
   */
  async mempoolSpenders(spends: readonly (readonly string[])[]): Promise<readonly (string | null | typeof REFUSED)[]> {
    const asked = spends.map((outpoints) =>
      outpoints.map((outpoint) => ({ txid: outpoint.slice(0, 64), vout: Number(outpoint.slice(65)) })),
    );
    const calls = asked
      .filter((outpoints) => outpoints.length > 0)
      .map((outpoints) => ({ method: "gettxspendingprevout", params: [outpoints] }));
    const answers = (await this.#rpc.batch(calls)).values();
    return asked.map((outpoints) => {
      if (outpoints.length === 0) return null;
      const answer = answers.next().value;
      if (answer instanceof RpcError) {
        if (isMethodMissing(answer)) return null;
        if (answer.code === RPC_INVALID_PARAMETER) return REFUSED;
        throw answer;
      }
      if (!Array.isArray(answer)) throw malformed("gettxspendingprevout");
      const spenders = answer.map((item) => record(item, "gettxspendingprevout").spendingtxid);
      return hashOrNull(
        spenders.find((spender) => spender !== undefined),
        "gettxspendingprevout.spendingtxid",
      );
    });
  }

  async #each<T>(
    method: string,
    values: readonly (string | number)[],
    absentCode: number,
    read: (answer: unknown) => T,
  ): Promise<(T | null)[]> {
    const answers = await this.#rpc.batch(values.map((value) => ({ method, params: [value] })));
    return answers.map((answer) => {
      if (!(answer instanceof RpcError)) return read(answer);
      if (answer.code === absentCode) return null;
      throw answer;
    });
  }
}

function mempoolEntry(answer: unknown): MempoolEntry {
  const entry = record(answer, "getmempoolentry");
  const replaceable = entry["bip125-replaceable"];
  return {
    timeMs: count(entry.time, "getmempoolentry.time") * 1000,
    replaceable: typeof replaceable === "boolean" ? replaceable : null,
    hasUnconfirmedParents: typeof entry.ancestorcount === "number" && entry.ancestorcount > 1,
  };
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw malformed(what);
}

function text(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw malformed(what);
}

/** A block's or transaction's, as it is shown. It is stored and asked for again, so no other text will do. */
function hash(value: unknown, what: string): string {
  if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) return value;
  throw malformed(what);
}

function hashOrNull(value: unknown, what: string): string | null {
  return value === undefined || value === null ? null : hash(value, what);
}

/** Node's decoder stops at the first character that is no hex digit, and says nothing. */
function bytes(value: unknown, what: string): Buffer {
  const hex = text(value, what);
  const decoded = Buffer.from(hex, "hex");
  if (decoded.length * 2 !== hex.length) throw malformed(what);
  return decoded;
}

/** Heights, Unix seconds, peers: all of them are below 2^32. */
function count(value: unknown, what: string): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32) return value as number;
  throw malformed(what);
}

function malformed(what: string): NodeUnreachable {
  return new NodeUnreachable(`The node's answer to ${what} is not bitcoind's: is there a bitcoind at rpcUrl?`);
}
