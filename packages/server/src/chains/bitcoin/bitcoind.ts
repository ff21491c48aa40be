/** The calls that the watcher makes, with their answers checked and typed. Amounts never come as JSON numbers. */
import { isMethodMissing, NodeUnreachable, RPC_NOT_FOUND, RPC_OUT_OF_RANGE, type RpcClient, RpcError } from "./rpc.ts";

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

export class Bitcoind {
  readonly #rpc: RpcClient;

  constructor(rpc: RpcClient) {
    this.#rpc = rpc;
  }

  async chainInfo(): Promise<ChainInfo> {
    const answer = record(await this.#rpc.call("getblockchaininfo"), "getblockchaininfo");
    return {
      chain: text(answer.chain, "getblockchaininfo.chain"),
      blocks: integer(answer.blocks, "getblockchaininfo.blocks"),
      headers: integer(answer.headers, "getblockchaininfo.headers"),
      bestBlockHash: text(answer.bestblockhash, "getblockchaininfo.bestblockhash"),
      initialBlockDownload: answer.initialblockdownload === true,
      pruneHeight: typeof answer.pruneheight === "number" ? answer.pruneheight : null,
    };
  }

  async peers(): Promise<number> {
    const answer = record(await this.#rpc.call("getnetworkinfo"), "getnetworkinfo");
    return integer(answer.connections, "getnetworkinfo.connections");
  }

  async bestBlockHash(): Promise<string> {
    return text(await this.#rpc.call("getbestblockhash"), "getbestblockhash");
  }

  /** @throws RpcError −5 when the node does not know the block */
  async header(hash: string): Promise<HeaderInfo> {
    const answer = record(await this.#rpc.call("getblockheader", [hash, true]), "getblockheader");
    return {
      hash: text(answer.hash, "getblockheader.hash"),
      height: integer(answer.height, "getblockheader.height"),
      timeMs: integer(answer.time, "getblockheader.time") * 1000,
      previousHash: typeof answer.previousblockhash === "string" ? answer.previousblockhash : null,
    };
  }

  /** The main chain's blocks at these heights; `null` above its tip. */
  async blockHashes(heights: readonly number[]): Promise<readonly (string | null)[]> {
    return this.#each("getblockhash", heights, RPC_OUT_OF_RANGE, (answer) => text(answer, "getblockhash"));
  }

  /** @throws RpcError when the node does not have it (any more) */
  async rawBlock(hash: string): Promise<Buffer> {
    return Buffer.from(text(await this.#rpc.call("getblock", [hash, 0]), "getblock"), "hex");
  }

  async mempool(): Promise<readonly string[]> {
    const answer = await this.#rpc.call("getrawmempool", [false]);
    if (!Array.isArray(answer)) throw malformed("getrawmempool");
    return answer as string[];
  }

  /** `false` while bitcoind still reads its mempool from disk after a start. */
  async mempoolLoaded(): Promise<boolean> {
    return record(await this.#rpc.call("getmempoolinfo"), "getmempoolinfo").loaded !== false;
  }

  /** `null` for those that are not in the mempool. */
  async mempoolEntries(txIds: readonly string[]): Promise<readonly (MempoolEntry | null)[]> {
    return this.#each("getmempoolentry", txIds, RPC_NOT_FOUND, (answer) => {
      const entry = record(answer, "getmempoolentry");
      const replaceable = entry["bip125-replaceable"];
      return {
        timeMs: integer(entry.time, "getmempoolentry.time") * 1000,
        replaceable: typeof replaceable === "boolean" ? replaceable : null,
        hasUnconfirmedParents: typeof entry.ancestorcount === "number" && entry.ancestorcount > 1,
      };
    });
  }

  /** `null` for those that the node does not know. */
  async rawTransactions(txIds: readonly string[]): Promise<readonly (Buffer | null)[]> {
    return this.#each("getrawtransaction", txIds, RPC_NOT_FOUND, (answer) =>
      Buffer.from(text(answer, "getrawtransaction"), "hex"),
    );
  }

  /**
   * For each list of outpoints (`txid:vout`) a transaction in the mempool that spends one of them, or `null`.
   * Nodes before Bitcoin Core 24 cannot say: `null` for all.
   */
  async mempoolSpenders(spends: readonly (readonly string[])[]): Promise<readonly (string | null)[]> {
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
        throw answer;
      }
      if (!Array.isArray(answer)) throw malformed("gettxspendingprevout");
      const spent = answer.find((item: { spendingtxid?: unknown }) => typeof item.spendingtxid === "string");
      return (spent as { spendingtxid: string } | undefined)?.spendingtxid ?? null;
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

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw malformed(what);
}

function text(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw malformed(what);
}

function integer(value: unknown, what: string): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw malformed(what);
}

function malformed(what: string): NodeUnreachable {
  return new NodeUnreachable(`The node's answer to ${what} is not bitcoind's: is there a bitcoind at rpcUrl?`);
}
