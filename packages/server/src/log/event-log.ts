/**
 * The contract of the durable log. Every store passes `testkit/event-log.ts`.
 *
 * 1. Append first: `append` resolves after the commit; `onAppended` listeners and callers hear nothing before it.
 * 2. Offsets are given in commit order and have no gaps: who has read up to N has seen everything up to N.
 * 3. Each command is all or nothing; one that fails does not undo the others of its group.
 * 4. A snapshot's row and its position come from one read transaction.
 * Source: DESIGN.md, "The log".
 */
import type { EventData, EventType, Shortage, StockLevel } from "@paybell/protocol";
import type { Payment } from "../payments/payment.ts";
import type { Product } from "../payments/product.ts";
import type { StockLine } from "../payments/stock.ts";
import type { Transfer } from "../payments/transfer.ts";
import type { Fence } from "./leases.ts";
import type { Topic } from "./topic.ts";

/** An event with its place in the log. Never mutated. */
export interface LogRecord {
  offset: number;
  /** `evt_…`, the same on every wire. */
  id: string;
  type: EventType;
  merchantId: string;
  paymentId: string | null;
  /** Counts the payment's events from 1 without gaps; `null` where there is no payment: `transfer.unattributed`,
   * `stock.changed`. */
  sequence: number | null;
  atMs: number;
  data: EventData;
  topics: readonly Topic[];
}

/** What is to be stored of an event; id and offset are given by the log. */
export type NewRecord = Pick<LogRecord, "type" | "sequence" | "atMs" | "data">;

/** A decision to be made durable. */
export interface PaymentCommand {
  kind: "payment";
  /** The sequence of the payment that was decided on; 0 for a payment that is to be created. */
  expectedSequence: number;
  /** The payment after the decision. What was given at its creation stays as it is stored; only an erasure (`erasedAtMs`)
   * takes something out of it. */
  payment: Payment;
  /** Given with a payment that is to be created on a derived address: whose address at `derivationIndex` it is, as
   * `MerchantStore.takeDerivationIndex` was asked. A transfer to it then moves the gap behind that index. */
  derivedFrom?: string;
  /** Given with a payment that is to be created and waits for more than its address: that address's own match key. It is
   * watched from then on, and what comes there for nobody is told to the merchant. */
  sharedRecipient?: string;
  /** Only those that changed. */
  transfers: readonly Transfer[];
  /** Those that were taken to be unknown: where one is not, the command is refused (`conflict`: this payment has it;
   * `transfer_credited`: another one). */
  newTransfers?: readonly Transfer[];
  events: readonly NewRecord[];
  topics: readonly Topic[];
  /** Of an order whose units move; left out: none do. */
  stock?: StockChange;
  /** Stored with the decision, so that a repeated request finds its first answer even after a crash in between. */
  idempotency?: IdempotentAnswer;
}

/** A transfer to a known address that fits no payment: recorded once, credited to nobody. */
export interface UnattributedCommand {
  kind: "unattributed";
  merchantId: string;
  chain: string;
  txId: string;
  index: string;
  /** The latest moment at which it can have been sent, milliseconds: what was once too old for a payment stays so, even
   * when it is later seen by its block only. */
  creditTimeMs: number;
  event: Omit<NewRecord, "sequence">;
  topics: readonly Topic[];
}

/**
 * What an order moves, stored with its payment or not at all. Each product whose numbers change gives a record
 * `stock.changed` behind the payment's own, with its numbers after it, under `stock:{merchant}` and `merchant:{id}`.
 */
export interface StockChange {
  /** One per product, ordered by product. Where one would leave 0 ≤ reserved ≤ stock, the command is refused
   * (`out_of_stock`). */
  lines: readonly StockLine[];
  /** Of an order that is to be created: what it was computed from. Where a product costs something else by now, or is no
   * longer there, the command is refused (`product_changed`); where its customer has a pending order
   * (`payments/order.ts`), `pending_order_exists`. */
  order?: { customer: string; prices: readonly { productId: string; priceAtomic: bigint }[] };
}

/** A product is made, changed or taken out of the shop. A change of its numbers gives a record `stock.changed`. */
export interface ProductCommand {
  kind: "product";
  merchantId: string;
  productId: string;
  atMs: number;
  change: ProductChange;
  idempotency?: IdempotentAnswer;
}

export type ProductChange =
  | { type: "create"; product: Product }
  | {
      type: "edit";
      name?: string;
      priceAtomic?: bigint;
      /** Safe beside whatever else happens to the stock. */
      addStock?: number;
      /** Only if the stock is `expected`. What is so already is accepted, whatever was expected. */
      setStock?: { stock: number; expected: number };
    }
  /** Done twice: accepted. */
  | { type: "archive" };

export type AppendCommand = PaymentCommand | UnattributedCommand | ProductCommand;

export interface IdempotentAnswer {
  merchantId: string;
  key: string;
  /** Hash of method, path and body: another request under the same key is a mistake. */
  requestHash: string;
  httpStatus: number;
  body: string;
  atMs: number;
  /** The payments that the body shows: it is deleted when one of them is erased. Not read back. The answer to a payment
   * command shows that payment, also where it is not among these; of others there must be commands in the same call. */
  paymentIds?: readonly string[];
}

/** How far a watcher has come. Stored with the events it caused, or not at all. */
export interface WatcherProgress {
  chain: string;
  /** Whatever the watcher needs to go on, as JSON. */
  cursor: unknown;
  headHeight: number;
  /** Everything that happened on the chain until then is in the log, milliseconds. */
  watchedUntilMs: number;
}

export type AppendResult =
  /** Stored. An unattributed transfer that was already recorded gives no records. */
  | { ok: true; records: readonly LogRecord[] }
  /** `conflict`: the payment has another sequence: load it and decide again. `address_in_use`: a payment is to be
   * created where another open one of this merchant waits for the same match key (one that opens again is not refused). `transfer_credited`: a
   * transfer belongs to another payment of this merchant: route it again. `idempotency`: the key was used meanwhile:
   * read the stored answer. */
  | { ok: false; reason: "conflict" | "address_in_use" | "transfer_credited" | "idempotency" }
  /** See `StockChange`. */
  | { ok: false; reason: "out_of_stock"; shortages: readonly Shortage[] }
  | { ok: false; reason: "pending_order_exists"; pendingOrderId: string }
  | { ok: false; reason: "product_changed" }
  /** Of a `ProductCommand`. `not_found`: there is none of this merchant, or it was archived. `level`: as it is. */
  | { ok: false; reason: "not_found" }
  | { ok: false; reason: "below_reserved" | "stock_mismatch" | "too_much_stock"; level: StockLevel };

/** One append of several. */
export interface AppendCall {
  commands: readonly AppendCommand[];
  progress: WatcherProgress | null;
  /** On whose behalf: the call is rejected with `LeaseLost`, alone, where the lease is no longer held with this token when
   * it is stored. Left out, `null`: on nobody's. */
  fence?: Fence | null;
  /** Where one command is refused, nothing of the call is stored, and the others say `conflict`. */
  allOrNone?: boolean;
}

export interface ReadPage {
  records: readonly LogRecord[];
  /** Read on from here. At least the last record's offset; everything up to here that concerns the topics was given. */
  next: number;
  /** The end of the log at the time of reading. `next === head`: caught up. */
  head: number;
}

export class CursorExpired extends Error {
  override readonly name = "CursorExpired";
}

/** More commands wait than `pendingCommands` allows; nothing was written. */
export class LogOverloaded extends Error {
  override readonly name = "LogOverloaded";
}

/** The store cannot be used at the moment: disk full, locked for too long, closed. A call that writes has written
 * nothing, unless the store ended while it wrote. */
export class StoreUnavailable extends Error {
  override readonly name: string = "StoreUnavailable";
}

export interface EventLog {
  /** Changes whenever an old cursor may no longer mean what it meant. */
  readonly epoch: string;
  /**
   * Appends all commands in one commit; concurrent callers share a commit. Results are in the order of the commands.
   * `progress` is stored only if every command of this call succeeded; `fence`: see `AppendCall`.
   * @throws LogOverloaded when too much is waiting; LeaseLost; StoreUnavailable, or the store's own error: nothing of this
   * call was written.
   */
  append(
    commands: readonly AppendCommand[],
    progress?: WatcherProgress | null,
    fence?: Fence | null,
  ): Promise<readonly AppendResult[]>;
  /**
   * Several appends in one commit, in this order; what each of them would have given alone, its error included. Later
   * ones may rest on earlier ones: where a command was not stored, later commands about its payment are refused with
   * `conflict`, whatever their sequence.
   * @throws LogOverloaded, and the store's own error when nothing at all was written.
   */
  appendTogether(calls: readonly AppendCall[]): Promise<readonly PromiseSettledResult<readonly AppendResult[]>[]>;
  /** Records behind `offset` in order, those of any of the topics, or all. At most `limit`.
   * @throws CursorExpired when the log no longer reaches back that far, or never reached that far. */
  readAfter(offset: number, options: { topics?: readonly Topic[]; limit: number }): Promise<ReadPage>;
  /**
   * From which offset to read so that the topic's records since then are behind it; of more than `limit`, the newest
   * ones. For wires without a cursor, which replay a window of time.
   */
  offsetSince(topic: Topic, sinceMs: number, limit: number): Promise<number>;
  /** The offset of the newest record; 0 in an empty log. */
  head(): Promise<number>;
  /** Called once per commit, after it, in order, with the records that this process wrote. A hint: may be lost. */
  onAppended(listener: (records: readonly LogRecord[]) => void): () => void;
}
