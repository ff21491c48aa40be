/**
 * The simulated chain: a mempool, blocks with parent hashes, reorganisations and double spends, on request or by the
 * clock. Deterministic: ids derive from a counter. Every change is in the ledger before anyone can see it.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../kit/clock.ts";
import { messageOf, PaybellError } from "../../kit/errors.ts";
import { addressFromSeed } from "./address.ts";
import { SANDBOX_ASSET } from "./facts.ts";
import type { SandboxBlock, SandboxChange, SandboxLedger, SandboxOutput, SandboxTransaction } from "./ledger.ts";
import type { SandboxNode, SandboxView } from "./node.ts";

/** Limits of one request; beyond them `invalid_request`. */
export const SANDBOX_LIMITS = {
  /** Blocks in one `mine`. */
  blocksPerRequest: 1_000,
  /** Blocks that one `reorg` drops. */
  reorgDepth: 100,
  /** Outputs of one transaction. */
  outputsPerTransaction: 1_000,
  /** Transactions in the mempool; beyond it `overloaded`. */
  mempoolTransactions: 10_000,
} as const;

/** What becomes of the transactions in the blocks that a reorganisation drops: back to the mempool (what a node does),
 * in the last block of the new branch, gone, or double-spent in the last block of the new branch. */
export type ReorgFate = "mempool" | "included" | "dropped" | "replaced";

export interface SandboxChainOptions {
  ledger: SandboxLedger;
  clock: Clock;
  /** Time between blocks, milliseconds. 0: a block comes only on request. */
  blockIntervalMs: number;
}

export class SandboxChain implements SandboxNode {
  readonly #ledger: SandboxLedger;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  readonly #mempool: Map<string, SandboxTransaction>;
  /** `#mempool` in order; made anew when someone asks after a change. */
  #mempoolInOrder: readonly SandboxTransaction[] | null = null;
  #tip: SandboxBlock;
  #nextNumber: number;
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #mining = false;
  #problem: string | null = null;

  /** Goes on where the ledger ends; an empty ledger gets its first block. */
  static async open(options: SandboxChainOptions): Promise<SandboxChain> {
    const head = await options.ledger.load();
    if (head) return new SandboxChain(options, head.tip, head.nextNumber, head.mempool);
    const first = block(0, { height: -1, hash: null, timeMs: 0 }, [], options.clock.nowMs());
    await options.ledger.commit({ nextNumber: 1, disconnect: [], connect: [first], transactions: [] });
    return new SandboxChain(options, first, 1, []);
  }

  private constructor(
    options: SandboxChainOptions,
    tip: SandboxBlock,
    nextNumber: number,
    mempool: readonly SandboxTransaction[],
  ) {
    this.#ledger = options.ledger;
    this.#clock = options.clock;
    this.#tip = tip;
    this.#nextNumber = nextNumber;
    this.#mempool = new Map(mempool.map((transaction) => [transaction.txId, transaction]));
    if (options.blockIntervalMs > 0) this.#timer = setInterval(() => this.#mineByTheClock(), options.blockIntervalMs);
  }

  /** Resolves when the last change is stored. Nothing is mined any more. */
  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    await this.#last;
  }

  get problem(): string | null {
    return this.#problem;
  }

  /** Puts a transaction with one output into the mempool. `fails`: once in a block, it will not have executed.
   * @returns its txId
   * @throws PaybellError invalid_request, overloaded */
  pay(output: SandboxOutput, options: { fails?: boolean } = {}): Promise<string> {
    return this.payMany([output], options);
  }

  /** As `pay`, one transaction with an output for each. */
  payMany(outputs: readonly SandboxOutput[], options: { fails?: boolean } = {}): Promise<string> {
    return this.#inTurn(async () => {
      const most = SANDBOX_LIMITS.outputsPerTransaction;
      if (outputs.length < 1 || outputs.length > most) throw outOfRange("outputs", 1, most);
      if (outputs.some((output) => output.amountAtomic <= 0n)) {
        throw new PaybellError("invalid_request", "The amount must be more than 0.", { field: "amount" });
      }
      if (this.#mempool.size >= SANDBOX_LIMITS.mempoolTransactions) {
        throw new PaybellError("overloaded", "The sandbox's mempool is full; mine a block.");
      }
      const paid = this.#transaction(this.#nextNumber, outputs, options.fails ?? false);
      await this.#commit({ transactions: [paid], nextNumber: this.#nextNumber + 1 });
      return paid.txId;
    });
  }

  /** Mines blocks; the first takes the whole mempool.
   * @returns the new height
   * @throws PaybellError invalid_request */
  mine(blocks = 1): Promise<number> {
    return this.#inTurn(async () => {
      const most = SANDBOX_LIMITS.blocksPerRequest;
      if (!Number.isInteger(blocks) || blocks < 1 || blocks > most) throw outOfRange("blocks", 1, most);
      const taken = this.#inOrder();
      const branch = this.#branch(this.#tip, blocks, this.#nextNumber, (nth) => (nth === 0 ? taken : []));
      await this.#commit({
        connect: branch,
        transactions: taken.map((transaction) => include(transaction, branch[0] as SandboxBlock)),
        nextNumber: this.#nextNumber + blocks,
      });
      return this.#tip.height;
    });
  }

  /** Drops the last `depth` blocks and mines a longer branch of `depth + 1` blocks, empty but for what `fate` says.
   * @returns the new height
   * @throws PaybellError invalid_request */
  reorg(depth: number, fate: ReorgFate = "mempool"): Promise<number> {
    return this.#inTurn(async () => {
      const most = Math.min(SANDBOX_LIMITS.reorgDepth, this.#tip.height);
      if (!Number.isInteger(depth) || depth < 1 || depth > most) throw outOfRange("depth", 1, most);
      const { fork, hashes, transactions } = await this.#lastBlocks(depth);
      let number = this.#nextNumber;
      const rivals = fate === "replaced" ? transactions.map((lost) => this.#rival(lost, number++)) : [];
      const taken = fate === "included" ? transactions : rivals;
      const branch = this.#branch(fork, depth + 1, number, (nth) => (nth === depth ? taken : []));
      const last = branch[depth] as SandboxBlock;
      await this.#commit({
        disconnect: hashes,
        connect: branch,
        transactions: [
          ...transactions.map((lost, nth) => afterReorg(lost, fate, last, rivals[nth]?.txId ?? null)),
          ...rivals.map((rival) => include(rival, last)),
        ],
        nextNumber: number + depth + 1,
      });
      return this.#tip.height;
    });
  }

  /** Replaces a transaction in the mempool by one that uses up the same coin and pays its sender, or `outputs`.
   * @returns the txId of the other one
   * @throws PaybellError not_found; invalid_state when it is in a block (as on a real node; reorg first) or lost */
  doubleSpend(txId: string, outputs?: readonly SandboxOutput[]): Promise<string> {
    return this.#inTurn(async () => {
      const lost = await this.#inMempool(txId);
      const rival = this.#rival(lost, this.#nextNumber, outputs);
      await this.#commit({
        transactions: [{ ...lost, status: "replaced", replacedBy: rival.txId }, rival],
        nextNumber: this.#nextNumber + 1,
      });
      return rival.txId;
    });
  }

  /** The node forgets a transaction in its mempool.
   * @throws PaybellError not_found, invalid_state */
  drop(txId: string): Promise<void> {
    return this.#inTurn(async () => {
      const lost = await this.#inMempool(txId);
      await this.#commit({ transactions: [{ ...lost, status: "dropped" }], nextNumber: this.#nextNumber });
    });
  }

  view(): Promise<SandboxView> {
    return Promise.resolve({ tip: this.#tip, mempool: this.#inOrder() });
  }

  block(hash: string): Promise<SandboxBlock | null> {
    return this.#ledger.block(hash);
  }

  blockAt(height: number): Promise<SandboxBlock | null> {
    return this.#ledger.blockAt(height);
  }

  transactions(txIds: readonly string[]): Promise<readonly (SandboxTransaction | null)[]> {
    return this.#ledger.transactions(txIds);
  }

  listen(onNews: () => void): () => void {
    this.#listeners.add(onNews);
    return () => this.#listeners.delete(onNews);
  }

  #mineByTheClock(): void {
    // A ledger slower than the interval must not let requests pile up.
    if (this.#mining) return;
    this.#mining = true;
    this.mine(1)
      .then(
        () => {
          this.#problem = null;
        },
        (error) => {
          this.#problem = `No block could be mined: ${messageOf(error)}`;
        },
      )
      .finally(() => {
        this.#mining = false;
      });
  }

  /** One change after the other; one that fails does not stop the next. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(change);
    // The caller gets the error from `turn`; here it only must not break the queue.
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Stores first, shows then. */
  async #commit(change: Partial<SandboxChange> & Pick<SandboxChange, "transactions" | "nextNumber">): Promise<void> {
    await this.#ledger.commit({ disconnect: [], connect: [], ...change });
    this.#nextNumber = change.nextNumber;
    this.#tip = change.connect?.at(-1) ?? this.#tip;
    for (const transaction of change.transactions) {
      if (transaction.status === "mempool") this.#mempool.set(transaction.txId, transaction);
      else this.#mempool.delete(transaction.txId);
    }
    this.#mempoolInOrder = null;
    for (const onNews of this.#listeners) onNews();
  }

  #inOrder(): readonly SandboxTransaction[] {
    this.#mempoolInOrder ??= [...this.#mempool.values()].sort((a, b) => a.number - b.number);
    return this.#mempoolInOrder;
  }

  async #inMempool(txId: string): Promise<SandboxTransaction> {
    const waiting = this.#mempool.get(txId);
    if (waiting) return waiting;
    const [known] = await this.#ledger.transactions([txId]);
    if (!known) throw new PaybellError("not_found", "The sandbox chain has no such transaction.", { txId });
    if (known.status !== "included" || known.blockHash === null) {
      throw new PaybellError("invalid_state", `The transaction is already ${known.status}.`, { status: known.status });
    }
    const height = (await this.#ledger.block(known.blockHash))?.height ?? this.#tip.height;
    const depth = this.#tip.height - height + 1;
    throw new PaybellError(
      "invalid_state",
      `The transaction is in block ${height}. Reorganise the chain by ${depth} first, so that it returns to the mempool.`,
      { status: known.status, depth },
    );
  }

  /** The last blocks of the best chain, newest first, with their transactions by ascending number. */
  async #lastBlocks(depth: number) {
    const hashes: string[] = [];
    const txIds: string[] = [];
    let fork = this.#tip;
    while (hashes.length < depth) {
      hashes.push(fork.hash);
      txIds.push(...fork.txIds);
      const parent = await this.#ledger.block(fork.parentHash as string);
      if (!parent) throw new Error(`The sandbox ledger has lost block ${fork.parentHash}.`);
      fork = parent;
    }
    const transactions = (await this.#ledger.transactions(txIds)).filter((found) => found !== null);
    return { fork, hashes, transactions: transactions.sort((a, b) => a.number - b.number) };
  }

  #transaction(number: number, outputs: readonly SandboxOutput[], fails: boolean): SandboxTransaction {
    return {
      txId: idOf("transaction", number),
      number,
      outputs,
      spends: idOf("coin", number),
      fails,
      firstSeenAtMs: this.#clock.nowMs(),
      status: "mempool",
      blockHash: null,
      replacedBy: null,
    };
  }

  /** A transaction that uses up the same coin. */
  #rival(lost: SandboxTransaction, number: number, outputs?: readonly SandboxOutput[]): SandboxTransaction {
    const amountAtomic = lost.outputs.reduce((sum, output) => sum + output.amountAtomic, 0n);
    const back = { recipient: addressFromSeed(`payer ${number}`), asset: SANDBOX_ASSET, amountAtomic };
    return { ...this.#transaction(number, outputs ?? [back], false), spends: lost.spends };
  }

  #branch(
    parent: SandboxBlock,
    length: number,
    firstNumber: number,
    taken: (nth: number) => readonly SandboxTransaction[],
  ): SandboxBlock[] {
    const branch: SandboxBlock[] = [];
    for (let nth = 0; nth < length; nth += 1) {
      const txIds = taken(nth).map((transaction) => transaction.txId);
      branch.push(block(firstNumber + nth, branch.at(-1) ?? parent, txIds, this.#clock.nowMs()));
    }
    return branch;
  }
}

function idOf(kind: "transaction" | "coin" | "block", number: number): string {
  return createHash("sha256").update(`paybell sandbox ${kind} ${number}`).digest("hex");
}

function block(
  number: number,
  parent: { height: number; hash: string | null; timeMs: number },
  txIds: readonly string[],
  nowMs: number,
): SandboxBlock {
  return {
    hash: idOf("block", number),
    height: parent.height + 1,
    parentHash: parent.hash,
    // A chain's time does not run backwards, whatever the machine's clock does.
    timeMs: Math.max(nowMs, parent.timeMs),
    txIds,
  };
}

function include(transaction: SandboxTransaction, into: SandboxBlock): SandboxTransaction {
  return { ...transaction, status: "included", blockHash: into.hash };
}

function afterReorg(
  lost: SandboxTransaction,
  fate: ReorgFate,
  last: SandboxBlock,
  replacedBy: string | null,
): SandboxTransaction {
  if (fate === "included") return include(lost, last);
  return { ...lost, status: fate, blockHash: null, replacedBy };
}

function outOfRange(field: string, min: number, max: number): PaybellError {
  const allowed = max < min ? "none at present: the chain is too short" : `${min} to ${max}`;
  return new PaybellError("invalid_request", `\`${field}\` is out of range; allowed: ${allowed}.`, { field, min, max });
}
