/** Transfers that wait for a block, from the block that the node would build next. */
import type { Clock } from "../../kit/clock.ts";
import type { Interest, PendingNews } from "../following/block-source.ts";
import type { EvmNode } from "./evm-node.ts";
import { waitingTransfers } from "./sighting.ts";
import type { TokenRegistry } from "./tokens.ts";

export class PendingTransactions {
  readonly #node: EvmNode;
  readonly #tokens: TokenRegistry;
  readonly #clock: Clock;
  /** When each transaction that waits was first seen, milliseconds. No more than the node puts into one block. */
  #firstSeenAtMs: ReadonlyMap<string, number> = new Map();

  constructor(node: EvmNode, tokens: TokenRegistry, clock: Clock) {
    this.#node = node;
    this.#tokens = tokens;
    this.#clock = clock;
  }

  /** @param followedHash the newest block that the caller knows of. What a newer one has taken up still counts as
   * waiting, so that nobody has to ask for each of its transactions. */
  async news(followedHash: string | null, interest: Interest): Promise<PendingNews> {
    const { newest, transactions: waiting } = await this.#node.pendingTransactions();
    const taken = newest.ref.hash === followedHash ? [] : (await this.#node.blockByHash(newest.ref.hash)).transactions;
    const transactions = [...taken, ...waiting];
    const nowMs = this.#clock.nowMs();
    const before = this.#firstSeenAtMs;
    const firstSeenAtMs = new Map(transactions.map(({ txId }) => [txId, before.get(txId) ?? nowMs]));
    this.#firstSeenAtMs = firstSeenAtMs;
    return {
      transfers: transactions.flatMap((transaction) =>
        waitingTransfers(transaction, this.#tokens, interest).map((transfer) => ({
          ...transfer,
          firstSeenAtMs: firstSeenAtMs.get(transfer.txId) ?? nowMs,
        })),
      ),
      spenders: transactions.flatMap(({ spend, txId }) => (interest.followsSpend(spend) ? [{ spend, txId }] : [])),
    };
  }
}
