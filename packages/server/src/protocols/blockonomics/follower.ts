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
    // Nobody has to hear of the end of what he never heard of.
    if (!this.announced && status === -1) return false;
    return this.told === null || this.told.status !== status || this.told.valueAtomic !== valueAtomic;
  }
}

export class Follower {
  readonly #tell: (message: StatusMessage) => void;
  /** Transactions remembered; beyond it the one that was heard of the longest ago is forgotten. */
  readonly #capacity: number;
  /** The least recently heard of first. */
  readonly #known = new Map<string, Transaction>();
  /** Heard, and not yet told: the outputs of one transaction come one after the other and are told together. */
  readonly #heard = new Map<string, Set<string>>();
  #followed: Transaction | null = null;

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
    const chosen = newestFirst.find((transaction) => transaction.now.status !== -1) ?? newestFirst[0];
    for (const transaction of newestFirst) transaction.told = transaction.now;
    if (chosen) this.#follow(chosen);
  }

  /** What became of these transfers. Told at the next `flush`, or before something else becomes of one of them. */
  hear(transfers: readonly TransferView[]): void {
    for (const transfer of transfers) {
      const transaction = this.#transaction(transfer.txId);
      const known = transaction.transfers.get(transfer.index);
      const heard = this.#heard.get(transfer.txId) ?? new Set();
      if (known && heard.has(transfer.index) && statusOf(known) !== statusOf(transfer)) this.flush();
      transaction.transfers.set(transfer.index, transfer);
      this.#heard.set(transfer.txId, this.#heard.get(transfer.txId)?.add(transfer.index) ?? new Set([transfer.index]));
    }
  }

  /** Tells what has been heard. */
  flush(): void {
    const heard = [...this.#heard.keys()];
    this.#heard.clear();
    for (const txid of heard) {
      const transaction = this.#known.get(txid);
      if (transaction?.hasNews && (transaction === this.#followed || this.#mayTurnTo(transaction))) {
        this.#follow(transaction);
        this.#catchUp();
      }
    }
  }

  #mayTurnTo(transaction: Transaction): boolean {
    return isSettled(this.#followed) || transaction.now.status === 2;
  }

  /** Those that had to wait, in the order in which they were heard of, for as long as nothing has to wait again. */
  #catchUp(): void {
    while (isSettled(this.#followed)) {
      const next = this.#known.values().find((transaction) => transaction.hasNews);
      if (!next) return;
      this.#follow(next);
    }
  }

  #follow(transaction: Transaction): void {
    const message = transaction.now;
    transaction.told = message;
    transaction.announced = true;
    this.#followed = transaction;
    this.#tell(message);
  }

  #transaction(txid: string): Transaction {
    const known = this.#known.get(txid);
    if (known) return known;
    if (this.#known.size >= this.#capacity) this.#forgetOne();
    const made = new Transaction(txid);
    this.#known.set(txid, made);
    return made;
  }

  #forgetOne(): void {
    for (const [txid, transaction] of this.#known) {
      if (transaction === this.#followed) continue;
      this.#known.delete(txid);
      this.#heard.delete(txid);
      return;
    }
  }
}

function isSettled(transaction: Transaction | null): boolean {
  const status = transaction?.told?.status;
  return status === undefined || status === 2 || status === -1;
}
