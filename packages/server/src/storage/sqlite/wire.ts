/**
 * Commands on their way to the writer: made into parameters of its statements already. To copy nested objects between
 * threads costs several times as much as to store what is in them; lists of texts and numbers are copied cheaply.
 */
import type { SQLInputValue } from "node:sqlite";
import type {
  AppendCall,
  AppendCommand,
  IdempotentAnswer,
  NewRecord,
  PaymentCommand,
  ProductChange,
  ProductCommand,
  StockChange,
  UnattributedCommand,
  WatcherProgress,
} from "../../log/event-log.ts";
import { distinct, type Topic } from "../../log/topic.ts";
import type { Payment } from "../../payments/payment.ts";
import { CHANGING_COLUMNS, ERASED_COLUMNS, INDEXED_COLUMNS, PAYMENT_COLUMNS, TRANSFER_COLUMNS } from "../columns.ts";
import { type ProductRow, productToRow, stockTopics } from "../products.ts";
import { PAYMENT_VALUES, TRANSFER_VALUES } from "../rows.ts";
import { mapPacked } from "./packed.ts";

/** The values of some columns, in their order. */
export type Values = readonly SQLInputValue[];

const CREATED = PAYMENT_COLUMNS.map((column) => PAYMENT_VALUES[column]);
const CHANGED = CHANGING_COLUMNS.map((column) => PAYMENT_VALUES[column]);
const INDEXED = INDEXED_COLUMNS.map((column) => PAYMENT_VALUES[column]);
const ERASED = ERASED_COLUMNS.map((column) => PAYMENT_VALUES[column]);
const TRANSFER = TRANSFER_COLUMNS.map((column) => TRANSFER_VALUES[column]);

export interface WireCall {
  commands: readonly WireCommand[];
  progress: WatcherProgress | null;
  allOrNone: boolean;
}

export type WireCommand = WirePayment | WireUnattributed | WireProduct;

/** `NewRecord`: type, sequence, time, data as JSON. */
export type WireRecord = readonly [type: string, sequence: number | null, atMs: number, data: string];

export interface TopicList {
  topics: readonly Topic[];
  /** The topics as JSON. */
  topicsJson: string;
}

interface Wire extends TopicList {
  merchantId: string;
  records: readonly WireRecord[];
}

export interface WirePayment extends Wire {
  kind: "payment";
  id: string;
  chain: string;
  expectedSequence: number;
  sequence: number;
  /** `PAYMENT_COLUMNS` of one that is to be created, else `CHANGING_COLUMNS`. */
  payment: Values;
  /** `INDEXED_COLUMNS`. */
  indexed: Values;
  /** `ERASED_COLUMNS` of one that was erased. */
  erased: Values | null;
  /** Of one that is to be created and waits on this address. */
  opensOn: string | null;
  derivationIndex: number | null;
  derivedFrom: string | null;
  /** The address and its own match key, of one that is to be created and waits for more than that. */
  shared: { recipient: string; address: string } | null;
  /** `TRANSFER_COLUMNS` of each. */
  transfers: readonly Values[];
  newTransfers: readonly Values[];
  /** Of an order whose units move. */
  stock: WireStock | null;
  idempotency: IdempotentAnswer | null;
}

export type WireStockLine = readonly [productId: string, stockDelta: number, reservedDelta: number];

/** `StockChange`, and how the records that tell it are found. */
export interface WireStock {
  atMs: number;
  lines: readonly WireStockLine[];
  order: { customer: string; prices: readonly (readonly [productId: string, price: string])[] } | null;
  told: TopicList;
}

export interface WireUnattributed extends Wire {
  kind: "unattributed";
  chain: string;
  txId: string;
  index: string;
  creditTimeMs: number;
}

export interface WireProduct {
  kind: "product";
  merchantId: string;
  productId: string;
  atMs: number;
  change: { type: "create"; row: ProductRow } | Exclude<ProductChange, { type: "create" }>;
  told: TopicList;
  idempotency: IdempotentAnswer | null;
}

/** @throws TypeError what JSON cannot hold */
export function callToWire({ commands, progress, allOrNone = false, fence }: AppendCall): WireCall {
  if (fence) throw new Error(`SQLite has no leases: nothing can be written under ${fence.lease}.`);
  return { commands: mapPacked(commands, commandToWire), progress, allOrNone };
}

function commandToWire(command: AppendCommand): WireCommand {
  switch (command.kind) {
    case "payment":
      return paymentToWire(command);
    case "unattributed":
      return unattributedToWire(command);
    case "product":
      return productToWire(command);
  }
}

function paymentToWire(command: PaymentCommand): WirePayment {
  const { payment, expectedSequence, transfers, newTransfers = [], events, derivedFrom, idempotency } = command;
  const { sharedRecipient } = command;
  const isNew = expectedSequence === 0;
  return {
    kind: "payment",
    id: payment.id,
    merchantId: payment.merchantId,
    chain: payment.chain,
    expectedSequence,
    sequence: payment.sequence,
    payment: valuesOf(payment, isNew ? CREATED : CHANGED),
    indexed: valuesOf(payment, INDEXED),
    erased: payment.erasedAtMs === null ? null : valuesOf(payment, ERASED),
    opensOn: isNew && PAYMENT_VALUES.is_open(payment) === 1 ? payment.recipient : null,
    derivationIndex: payment.derivationIndex,
    derivedFrom: derivedFrom ?? null,
    shared:
      sharedRecipient === undefined
        ? null
        : { recipient: sharedRecipient, address: payment.address ?? sharedRecipient },
    transfers: mapPacked(transfers, (transfer) => valuesOf({ payment, transfer }, TRANSFER)),
    newTransfers: mapPacked(newTransfers, (transfer) => valuesOf({ payment, transfer }, TRANSFER)),
    records: mapPacked(events, recordToWire),
    ...topicsToWire(command.topics),
    stock: command.stock ? stockToWire(payment, command.stock) : null,
    idempotency: idempotency ?? null,
  };
}

function stockToWire({ merchantId, updatedAtMs }: Payment, { lines, order }: StockChange): WireStock {
  return {
    atMs: updatedAtMs,
    lines: lines.map(({ productId, stockDelta, reservedDelta }) => [productId, stockDelta, reservedDelta]),
    order: order
      ? {
          customer: order.customer,
          prices: order.prices.map(({ productId, priceAtomic }) => [productId, priceAtomic.toString()]),
        }
      : null,
    told: topicsToWire(stockTopics(merchantId)),
  };
}

function productToWire({ merchantId, productId, atMs, change, idempotency }: ProductCommand): WireProduct {
  return {
    kind: "product",
    ...{ merchantId, productId, atMs },
    change: change.type === "create" ? { type: "create", row: productToRow(change.product) } : change,
    told: topicsToWire(stockTopics(merchantId)),
    idempotency: idempotency ?? null,
  };
}

function unattributedToWire(command: UnattributedCommand): WireUnattributed {
  const { merchantId, chain, txId, index, creditTimeMs, event } = command;
  return {
    kind: "unattributed",
    ...{ merchantId, chain, txId, index, creditTimeMs },
    records: [recordToWire({ ...event, sequence: null })],
    ...topicsToWire(command.topics),
  };
}

function recordToWire({ type, sequence, atMs, data }: NewRecord): WireRecord {
  return [type, sequence, atMs, JSON.stringify(data)];
}

function topicsToWire(given: readonly Topic[]): TopicList {
  const topics = distinct(given);
  return { topics, topicsJson: JSON.stringify(topics) };
}

function valuesOf<T>(from: T, columns: readonly ((from: T) => SQLInputValue)[]): Values {
  return mapPacked(columns, (value) => value(from));
}
