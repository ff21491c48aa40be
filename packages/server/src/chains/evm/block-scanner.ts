/**
 * From blocks to the transfers in them that somebody waits for: the native coin from the transactions themselves, tokens
 * from their logs. The number of questions does not depend on how many addresses are watched.
 */
import { BlocksMissing, type Interest, type SightedTransfer, type SourceBlock } from "../following/block-source.ts";
import type { EvmBlock, TransferLog } from "./answers.ts";
import type { EvmNode } from "./evm-node.ts";
import { RpcError } from "./json-rpc.ts";
import { Receipts } from "./receipts.ts";
import { type Arrival, received } from "./received.ts";
import { nativePaid, type Paid, sighted, tokenAsked, tokenPaid } from "./sighting.ts";
import type { TokenRegistry } from "./tokens.ts";

/** With its place in the block, for the order. */
interface Placed {
  transactionIndex: number;
  transfer: SightedTransfer;
}

interface Asked {
  transactionIndex: number;
  paid: Paid;
}

export class BlockScanner {
  readonly #node: EvmNode;
  readonly #tokens: TokenRegistry;
  readonly #receipts: Receipts;

  constructor(node: EvmNode, tokens: TokenRegistry) {
    this.#node = node;
    this.#tokens = tokens;
    this.#receipts = new Receipts(node);
  }

  /** @throws BlockGone, BlocksMissing, NotRefreshed */
  async scan(blocks: readonly EvmBlock[], headHeight: number, interest: Interest): Promise<readonly SourceBlock[]> {
    const logs = await this.#logsOf(blocks);
    await interest.refresh();
    const natives = await this.#natives(blocks, interest);
    const tokens = await this.#tokenTransfers(blocks, logs, headHeight, interest);
    return blocks.map((block, place) => ({
      ref: block.ref,
      parentHash: block.parentHash,
      transfers: [
        ...(natives[place] ?? []),
        ...(tokens[place] ?? []),
        ...this.#withoutLog(block, logs[place] ?? [], interest),
      ]
        .sort((a, b) => a.transactionIndex - b.transactionIndex)
        .map(({ transfer }) => transfer),
      spenders: block.transactions.flatMap(({ spend, txId }) =>
        interest.followsSpend(spend) ? [{ spend, txId }] : [],
      ),
    }));
  }

  /** Of one transaction in the block. Others are looked at only as far as they pay the same recipients. */
  async transfersOf(
    txId: string,
    block: EvmBlock,
    headHeight: number,
    interest: Interest,
  ): Promise<readonly SightedTransfer[]> {
    const [logs = []] = await this.#logsOf([block]);
    const transactions = block.transactions.filter((transaction) => transaction.txId === txId);
    const paid = new Set([
      ...logs.filter((log) => log.txId === txId).map(({ to }) => to),
      ...transactions.flatMap((one) => [one.to, tokenAsked(one, this.#tokens)?.to ?? null]),
    ]);
    const [scanned] = await this.scan([block], headHeight, {
      ...interest,
      knows: (recipient) => paid.has(recipient) && interest.knows(recipient),
    });
    return scanned?.transfers.filter((transfer) => transfer.txId === txId) ?? [];
  }

  async #logsOf(blocks: readonly EvmBlock[]): Promise<readonly (readonly TransferLog[])[]> {
    const asked = blocks.filter(
      (block) => this.#tokens.mayHaveTransfers(block.logsBloom) && block.transactions.length > 0,
    );
    const answers = await this.#node.transferLogs(
      asked,
      this.#tokens.all.map(({ contract }) => contract),
    );
    await this.#hasLogs(asked.filter((_, place) => answers[place]?.length === 0));
    const byHash = new Map(asked.map(({ ref }, place) => [ref.hash, answers[place] ?? []]));
    return blocks.map(({ ref }) => [...(byHash.get(ref.hash) ?? [])].sort((a, b) => a.logIndex - b.logIndex));
  }

  /** A node that has dropped its old receipts may answer that there are no logs. It would not have the receipt of any
   * other transaction of the block either. */
  async #hasLogs(blocks: readonly EvmBlock[]): Promise<void> {
    const receipts = await this.#node.receipts(blocks.map(({ transactions }) => transactions[0]?.txId ?? ""));
    for (const [place, { ref }] of blocks.entries()) {
      if (receipts[place]) continue;
      const trouble = await this.#node.whyNot(new RpcError("eth_getTransactionReceipt", 0, "no receipts"), ref);
      if (trouble.name === "BlockGone") throw trouble;
      throw new BlocksMissing(
        `${this.#node.rpc.name} has no receipts of block ${ref.height}: payments in it would be overlooked. Add an endpoint with full history.`,
        null,
      );
    }
  }

  async #natives(blocks: readonly EvmBlock[], interest: Interest): Promise<readonly (readonly Placed[])[]> {
    const asked = blocks.map(({ transactions }) =>
      transactions.flatMap((transaction, transactionIndex): Asked[] => {
        const paid = nativePaid(transaction, this.#tokens.native.symbol);
        return paid && paid.amountAtomic > 0n && interest.knows(paid.to) ? [{ transactionIndex, paid }] : [];
      }),
    );
    const executed = await this.#receipts.executed(
      blocks.flatMap((block, place) => {
        const txIds = (asked[place] ?? []).map(({ paid }) => paid.txId);
        return txIds.length > 0 ? [{ block, txIds }] : [];
      }),
    );
    return asked.map((ofBlock) =>
      ofBlock.flatMap(({ transactionIndex, paid }) => {
        const transfer = sighted(paid, interest, !executed.has(paid.txId));
        return transfer ? [{ transactionIndex, transfer }] : [];
      }),
    );
  }

  async #tokenTransfers(
    blocks: readonly EvmBlock[],
    logs: readonly (readonly TransferLog[])[],
    headHeight: number,
    interest: Interest,
  ): Promise<readonly (readonly Placed[])[]> {
    const arrivals = blocks.flatMap((block, place) => this.#arrivals(block, logs[place] ?? [], interest));
    const arrived = await received(
      this.#node,
      arrivals.filter(({ token }) => token.balanceCheck),
      headHeight,
    );
    const found = new Map<string, Placed[]>(blocks.map(({ ref }) => [ref.hash, []]));
    for (const arrival of arrivals) {
      found.get(arrival.block.ref.hash)?.push(...placed(arrival, arrived.get(arrival) ?? null, interest));
    }
    return blocks.map(({ ref }) => found.get(ref.hash) ?? []);
  }

  /** What somebody waits for, by token and recipient. */
  #arrivals(block: EvmBlock, logs: readonly TransferLog[], interest: Interest): Arrival[] {
    const found = new Map<string, Arrival>();
    for (const log of logs) {
      const { contract, from, to } = log;
      const token = this.#tokens.at(contract);
      if (!token || from === to || !interest.knows(to)) continue;
      const key = `${contract}:${to}`;
      const arrival = found.get(key) ?? { block, token, recipient: to, incoming: [], leftAtomic: 0n };
      arrival.incoming.push(log);
      found.set(key, arrival);
    }
    for (const { contract, from, to, amountAtomic } of logs) {
      const sender = from === to ? undefined : found.get(`${contract}:${from}`);
      if (sender) sender.leftAtomic += amountAtomic;
    }
    return [...found.values()];
  }

  /** Called a token to pay somebody, and nothing came of it. */
  #withoutLog(block: EvmBlock, logs: readonly TransferLog[], interest: Interest): readonly Placed[] {
    const logged = new Set(logs.map(({ txId, contract, to }) => `${txId}:${contract}:${to}`));
    return block.transactions.flatMap((transaction, transactionIndex) => {
      const paid = tokenAsked(transaction, this.#tokens);
      if (!paid || !interest.knows(paid.to)) return [];
      if (logged.has(`${paid.txId}:${paid.contract}:${paid.to}`)) return [];
      const transfer = sighted(paid, interest, true);
      return transfer ? [{ transactionIndex, transfer }] : [];
    });
  }
}

/** @param arrived by `logIndex`; `null`: what the logs say */
function placed(
  { block, token, incoming }: Arrival,
  arrived: ReadonlyMap<number, bigint> | null,
  interest: Interest,
): readonly Placed[] {
  const places = new Map<string, number>();
  return incoming.flatMap((log) => {
    const place = places.get(log.txId) ?? 0;
    places.set(log.txId, place + 1);
    const spend = block.transactions[log.transactionIndex]?.spend;
    const paid = tokenPaid(log, token, place, spend === undefined ? [] : [spend]);
    const amountAtomic = arrived?.get(log.logIndex) ?? paid.amountAtomic;
    // Nothing arrived: as if it had not executed.
    const transfer = amountAtomic > 0n ? sighted({ ...paid, amountAtomic }, interest) : sighted(paid, interest, true);
    return transfer ? [{ transactionIndex: log.transactionIndex, transfer }] : [];
  });
}
