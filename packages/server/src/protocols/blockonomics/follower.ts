/**
 * Which transaction a connection follows, and what it is told of it. Pure: transfers in, messages out.
 *
 * A client of this protocol knows one transaction. It is told of that one until it is settled (status 2 or -1), then of
 * the next that has news. A transaction that is confirmed does not wait for one that is not: money that arrived is
 * always told. Why: docs/decisions/0003-blockonomics-top-ups.md.
 */
import type { TransferView } from "@paybell/protocol";
import { type Status, type StatusMessage, statusOf } from "./status.ts";

/** The transfers of one transaction to one address, by their index. */
class Transaction {
  readonly txid: string;
  readonly transfers = new Map<string, TransferView>();
  /** What the client was told last, or need not be told. */
  told: StatusMessage | null = null;
  /** Was it ever told anything? */
  announced = false;

  constructor(txid: string) {
    this.txid = txid;
  }

  /** All outputs share the fate of their transaction; the least of them is true of all. */
  get now(): StatusMessage {
    let status: Status = 2;
    let valueAtomic = 0n;
    let atMs = Number.POSITIVE_INFINITY;
    for (const transfer of this.transfers.values()) {
      const its = statusOf(transfer);
      if (its < status) status = its;
      valueAtomic += BigInt(transfer.amount);
      atMs = Math.min(atMs, Date.parse(transfer.at));
    }
    return { status, timestamp: Math.floor(atMs / 1_000), valueAtomic, txid: this.txid };
  }

  get hasNews(): boolean {
    const { status, valueAtomic } = this.now;
    // Nobody has to hear of the end of what was never told.
    if (!this.announced && status === -1) return false;
    return this.told === null || this.told.status !== status || this.told.valueAtomic !== valueAtomic;
  }
}

export class Follower {
  readonly #tell: (message: StatusMessage) => void;
  readonly #capacity: number;
  /** In the order in which they were first heard of. */
  readonly #known = new Map<string, Transaction>();
  /** With news that could not yet be told, in the order in which it came. */
  readonly #waiting = new Set<Transaction>();
  /** Heard of since the last flush, with the indexes of the transfers concerned: the outputs of one transaction come one
   * after the other and are told together. */
  readonly #heard = new Map<Transaction, Set<string>>();
  #followed: Transaction | null = null;

  /** @param options.capacity transactions remembered; beyond it the one first heard of is forgotten */
  constructor(options: { capacity: number; tell: (message: StatusMessage) => void }) {
    this.#capacity = options.capacity;
    this.#tell = options.tell;
  }

  knows(txid: string): boolean {
    return this.#known.has(txid);
  }

  /** The transfers that are there when the client connects, oldest first: it is told of the newest transaction, a lost
   * one only if there is no other. Of the rest it will hear what changes. */
  begin(transfers: readonly TransferView[]): void {
    for (const transfer of transfers) this.#transaction(transfer.txId).transfers.set(transfer.index, transfer);
    const newestFirst = [...this.#known.values()].reverse();
    for (const transaction of newestFirst) transaction.told = transaction.now;
    const chosen = newestFirst.find((transaction) => transaction.now.status !== -1) ?? newestFirst[0];
    if (chosen) this.#follow(chosen);
  }

  /** What became of these transfers. Told at the next `flush`, or before something else becomes of one of them. */
  hear(transfers: readonly TransferView[]): void {
    for (const transfer of transfers) {
      const transaction = this.#transaction(transfer.txId);
      const before = transaction.transfers.get(transfer.index);
      const heardBefore = this.#heard.get(transaction)?.has(transfer.index);
      if (heardBefore && before && statusOf(before) !== statusOf(transfer)) this.flush();
      transaction.transfers.set(transfer.index, transfer);
      const heard = this.#heard.get(transaction) ?? new Set();
      this.#heard.set(transaction, heard.add(transfer.index));
    }
  }

  /** Tells what has been heard. */
  flush(): void {
    const heard = [...this.#heard.keys()];
    this.#heard.clear();
    for (const transaction of heard) {
      if (!transaction.hasNews) this.#waiting.delete(transaction);
      else if (transaction === this.#followed || this.#mayTurnTo(transaction)) this.#follow(transaction);
      else this.#waiting.add(transaction);
    }
    this.#turnToWaiting();
  }

  #mayTurnTo(transaction: Transaction): boolean {
    const nobodyWaits = isSettled(this.#followed) && this.#waiting.size === 0;
    return nobodyWaits || transaction.now.status === 2;
  }

  #turnToWaiting(): void {
    for (const transaction of this.#waiting) {
      if (!isSettled(this.#followed)) return;
      this.#follow(transaction);
    }
  }

  #follow(transaction: Transaction): void {
    const message = transaction.now;
    transaction.told = message;
    transaction.announced = true;
    this.#waiting.delete(transaction);
    this.#followed = transaction;
    this.#tell(message);
  }

  #transaction(txid: string): Transaction {
    const known = this.#known.get(txid);
    if (known) return known;
    const made = new Transaction(txid);
    this.#known.set(txid, made);
    if (this.#known.size > this.#capacity) this.#forgetOldest(made);
    return made;
  }

  #forgetOldest(except: Transaction): void {
    for (const transaction of this.#known.values()) {
      if (transaction === this.#followed || transaction === except) continue;
      this.#known.delete(transaction.txid);
      this.#heard.delete(transaction);
      this.#waiting.delete(transaction);
      return;
    }
  }
}

function isSettled(transaction: Transaction | null): boolean {
  const status = transaction?.told?.status;
  return status === undefined || status === 2 || status === -1;
}
