/**
 * What a commit has found and what it is about to write, in memory: every command is decided here, one after the other,
 * as if the ones before it were stored already. A command that is refused is taken back; only what is left is written, by
 * a few statements for all commands together.
 */
import type { IdempotentAnswer } from "../../../log/event-log.ts";
import type { ProductRow } from "../../products.ts";
import type { PaymentRow, TransferRow } from "../../rows.ts";
import type { ProgressRow, TopicList, UnattributedRow } from "./prepare.ts";

/** A payment as the commands see it. */
export interface DraftPayment {
  id: string;
  merchantId: string;
  chain: string;
  recipient: string | null;
  customer: string | null;
  derivedFrom: string | null;
  sequence: number;
  status: string;
  isOpen: boolean;
  orderStatus: string | null;
  isErased: boolean;
  /** What is to be written of it; `null`: nothing. */
  write: { kind: "insert" | "update"; row: PaymentRow; isErased: boolean } | null;
}

export interface DraftTransfer {
  paymentId: string;
  /** To be written; `null`: it is there as it should be. */
  row: TransferRow | null;
}

export interface DraftAnswer {
  atMs: number;
  /** To be written; `null`: it was there. */
  answer: IdempotentAnswer | null;
  /** One that has expired was under this key, and goes. */
  replaces: boolean;
}

export interface DraftUnattributed {
  row: UnattributedRow;
  isNew: boolean;
  isChanged: boolean;
}

export interface DraftProduct {
  row: ProductRow;
  write: "insert" | "update" | null;
}

/** A record without its offset: that is its place, counted from the end of the log. */
export interface DraftRecord {
  type: string;
  merchantId: string;
  paymentId: string | null;
  sequence: number | null;
  atMs: number;
  data: string;
  told: TopicList;
}

/** One key of several parts. */
export const keyOf = (...parts: readonly string[]): string => JSON.stringify(parts);

export class Draft {
  /** By lease: the token with which it is held; what has none was never held. Locked: nobody takes it before the commit. */
  readonly tokens = new Map<string, number>();
  /** By id; only what commands name. */
  readonly payments = new Map<string, DraftPayment>();
  /** By chain, transaction, index, merchant. */
  readonly transfers = new Map<string, DraftTransfer>();
  /** By chain, recipient, merchant: ids of open payments, where somebody wants to create one. */
  readonly openOn = new Map<string, ReadonlySet<string>>();
  /** By merchant, customer: ids of pending orders, where somebody wants to create one. */
  readonly pendingOf = new Map<string, ReadonlySet<string>>();
  /** By merchant, key. */
  readonly answers = new Map<string, DraftAnswer>();
  /** By merchant, chain, transaction, index. */
  readonly unattributed = new Map<string, DraftUnattributed>();
  /** By id. */
  readonly products = new Map<string, DraftProduct>();
  /** By chain. */
  readonly progress = new Map<string, ProgressRow>();
  /** By chain, recipient, merchant. */
  readonly sharedAddresses = new Map<
    string,
    { chain: string; recipient: string; merchant_id: string; address: string }
  >();
  /** By chain and what they are derived from: the highest index that was paid. */
  readonly usedIndexes = new Map<string, { chain: string; derived_from: string; last_used_index: number }>();
  /** By status: how many payments more, or fewer. */
  readonly counts = new Map<string, number>();
  /** Ids of payments whose traces go. */
  readonly erased = new Map<string, true>();
  readonly records: DraftRecord[] = [];
  /** What takes back the latest changes, in order. */
  readonly #undo: (() => void)[] = [];

  /** Is there anything to write? */
  get isChanged(): boolean {
    return this.#undo.length > 0;
  }

  set<K, V>(map: Map<K, V>, key: K, value: V): void {
    const had = map.has(key);
    const before = map.get(key) as V;
    map.set(key, value);
    this.#undo.push(() => (had ? map.set(key, before) : map.delete(key)));
  }

  tell(record: DraftRecord): void {
    this.records.push(record);
    this.#undo.push(() => this.records.pop());
  }

  /** Keeps what `work` changed only if it says so; takes it back when it throws. */
  step<T>(work: () => { keep: boolean; value: T }): T {
    const mark = this.#undo.length;
    let keep = false;
    try {
      const result = work();
      keep = result.keep;
      return result.value;
    } finally {
      while (!keep && this.#undo.length > mark) this.#undo.pop()?.();
    }
  }

  /** Of one more payment, or one fewer. */
  count(status: string, by: 1 | -1): void {
    this.set(this.counts, status, (this.counts.get(status) ?? 0) + by);
  }

  /** Puts a payment into a set of ids that is looked after, or takes it out. */
  mark(sets: Map<string, ReadonlySet<string>>, key: string, id: string, isIn: boolean): void {
    const ids = sets.get(key);
    if (!ids || ids.has(id) === isIn) return;
    const changed = new Set(ids);
    if (isIn) changed.add(id);
    else changed.delete(id);
    this.set(sets, key, changed);
  }
}
