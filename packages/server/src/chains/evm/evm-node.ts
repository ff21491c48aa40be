/** The questions to an Ethereum node, with their answers checked and typed. */
import { BlockGone, BlocksMissing, EndpointFailure } from "../following/block-source.ts";
import {
  amount,
  block,
  count,
  type EvmBlock,
  type EvmReceipt,
  type EvmTransaction,
  hash,
  list,
  receipt,
  record,
  type TransferLog,
  transaction,
  transactionsOf,
  transferLog,
} from "./answers.ts";
import { balanceOfCall, TRANSFER_TOPIC } from "./erc20.ts";
import { type JsonRpc, type RpcCall, RpcError } from "./json-rpc.ts";

export type BlockTag = "latest" | "safe" | "finalized";

/** Somebody's balance of a token after a block. */
export interface BalanceQuestion {
  contract: string;
  owner: string;
  blockHash: string;
}

const hex = (height: number): string => `0x${height.toString(16)}`;

export class EvmNode {
  readonly rpc: Pick<JsonRpc, "batch" | "name">;

  constructor(rpc: Pick<JsonRpc, "batch" | "name">) {
    this.rpc = rpc;
  }

  /** The newest blocks of these names; `null` where the node knows of none. */
  async tagged(tags: readonly BlockTag[]): Promise<readonly (EvmBlock | null)[]> {
    const answers = await this.rpc.batch(tags.map((tag) => blockCall(tag, false)));
    return answers.map((answer, place) => {
      if (!(answer instanceof RpcError)) return answer === null ? null : block(answer);
      // "finalized block not found": the network has none yet, or not at all.
      if (tags[place] !== "latest") return null;
      throw failure(this.rpc.name, answer);
    });
  }

  /** The main chain's blocks at these heights; `null` where there is none. */
  async blocksAt(heights: readonly number[], withTransactions: boolean): Promise<readonly (EvmBlock | null)[]> {
    const answers = await this.rpc.batch(heights.map((height) => blockCall(hex(height), withTransactions)));
    return answers.map((answer, place) => {
      if (answer instanceof RpcError) throw this.#pruned(answer) ?? failure(this.rpc.name, answer);
      if (answer === null) return null;
      const found = block(answer);
      if (found.ref.height === heights[place]) return found;
      throw new EndpointFailure(
        `${this.rpc.name} answered with block ${found.ref.height} when asked for ${heights[place]}.`,
      );
    });
  }

  /** @throws BlockGone */
  async blockByHash(blockHash: string): Promise<EvmBlock> {
    const answer = await this.#ask("eth_getBlockByHash", [blockHash, true]);
    if (answer === null) throw new BlockGone(`${this.rpc.name} does not have block ${blockHash} any more.`);
    return block(answer);
  }

  /** ERC-20 transfers of these contracts in each of these blocks.
   * @throws BlockGone */
  async transferLogs(
    blocks: readonly EvmBlock[],
    contracts: readonly string[],
  ): Promise<readonly (readonly TransferLog[])[]> {
    const answers = await this.rpc.batch(
      blocks.map(({ ref }) => ({
        method: "eth_getLogs",
        params: [{ blockHash: ref.hash, address: contracts, topics: [TRANSFER_TOPIC] }],
      })),
    );
    return Promise.all(
      answers.map(async (answer, place) => {
        const { ref } = blocks[place] as EvmBlock;
        if (answer instanceof RpcError) throw this.#pruned(answer) ?? (await this.whyNot(answer, ref));
        const logs = list(answer, "eth_getLogs").map(transferLog);
        return logs.filter(
          (log) => log !== null && log.blockHash === ref.hash && contracts.includes(log.contract),
        ) as TransferLog[];
      }),
    );
  }

  /** Of transactions, by id; `null` where the node has none. */
  async receipts(txIds: readonly string[]): Promise<readonly (EvmReceipt | null)[]> {
    const answers = await this.rpc.batch(
      txIds.map((txId) => ({ method: "eth_getTransactionReceipt", params: [txId] })),
    );
    return answers.map((answer) => {
      if (answer instanceof RpcError) throw this.#pruned(answer) ?? failure(this.rpc.name, answer);
      return answer === null ? null : receipt(answer);
    });
  }

  /** All of a block; `null`: the node does not have the block, or not this method. */
  async blockReceipts(blockHash: string): Promise<readonly EvmReceipt[] | null> {
    const [answer] = await this.rpc.batch([{ method: "eth_getBlockReceipts", params: [blockHash] }]);
    if (answer instanceof RpcError || answer === null) return null;
    return list(answer, "eth_getBlockReceipts").map(receipt);
  }

  /** A contract that is not there holds nothing. A refusal is a result. */
  async balances(questions: readonly BalanceQuestion[]): Promise<readonly (bigint | RpcError)[]> {
    const answers = await this.rpc.batch(
      questions.map(({ contract, owner, blockHash }) => ({
        method: "eth_call",
        params: [{ to: contract, data: balanceOfCall(owner) }, { blockHash }],
      })),
    );
    return answers.map((answer) => {
      if (answer instanceof RpcError) return answer;
      return answer === "0x" ? 0n : amount(answer, "eth_call: balanceOf");
    });
  }

  /** `null`: the node does not know it. */
  async transaction(txId: string): Promise<{ transaction: EvmTransaction; blockHash: string | null } | null> {
    const answer = await this.#ask("eth_getTransactionByHash", [txId]);
    if (answer === null) return null;
    const { blockHash } = record(answer, "a transaction");
    const inBlock = blockHash === null || blockHash === undefined ? null : hash(blockHash, "a transaction: blockHash");
    return { transaction: transaction(answer), blockHash: inBlock };
  }

  /** Of the block that the node would build next. None where it builds none, or calls the newest one so.
   * `newest`: the block on top of which it is built. */
  async pendingTransactions(): Promise<{ newest: EvmBlock; transactions: readonly EvmTransaction[] }> {
    const [pending, latest] = await this.rpc.batch([blockCall("pending", true), blockCall("latest", false)]);
    for (const answer of [pending, latest]) if (answer instanceof RpcError) throw failure(this.rpc.name, answer);
    const newest = block(latest);
    if (pending === null) return { newest, transactions: [] };
    const { number, transactions } = record(pending, "the pending block");
    const waits = number === null || count(number, "the pending block: number") > newest.ref.height;
    return { newest, transactions: waits ? transactionsOf(transactions, "the pending block") : [] };
  }

  /** Why a question about a block was refused: the block is gone, or the node has some trouble. */
  async whyNot(refusal: RpcError, { height, hash: blockHash }: { height: number; hash: string }): Promise<Error> {
    const [now] = await this.blocksAt([height], false);
    if (now?.ref.hash === blockHash) return failure(this.rpc.name, refusal);
    return new BlockGone(`Block ${height} of ${this.rpc.name} is another one now.`);
  }

  async #ask(method: string, params: readonly unknown[]): Promise<unknown> {
    const [answer] = await this.rpc.batch([{ method, params }]);
    if (answer instanceof RpcError) throw this.#pruned(answer) ?? failure(this.rpc.name, answer);
    return answer;
  }

  /** `null`: the refusal is for another reason. */
  #pruned(refusal: RpcError): BlocksMissing | null {
    if (refusal.code !== PRUNED_HISTORY && !/pruned|history (is )?unavailable/i.test(refusal.message)) return null;
    return new BlocksMissing(
      `${this.rpc.name} does not have the old blocks that are needed (${refusal.message}): add an endpoint with full history.`,
      null,
    );
  }
}

/** EIP-4444, as geth and others answer. */
const PRUNED_HISTORY = 4444;

function blockCall(which: string, withTransactions: boolean): RpcCall {
  return { method: "eth_getBlockByNumber", params: [which, withTransactions] };
}

export function failure(name: string, refusal: RpcError): EndpointFailure {
  return new EndpointFailure(`${name}: ${refusal.message}`);
}
