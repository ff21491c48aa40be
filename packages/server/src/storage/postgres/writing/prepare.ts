/** Commands as rows. What cannot be written down at all fails here, before anything is asked of the database. */
import type {
  AppendCall,
  AppendCommand,
  IdempotentAnswer,
  NewRecord,
  PaymentCommand,
  ProductCommand,
  StockChange,
  UnattributedCommand,
} from "../../../log/event-log.ts";
import type { Fence } from "../../../log/leases.ts";
import type { Topic } from "../../../log/topic.ts";
import { type ProductRow, productToRow, stockTopics } from "../../products.ts";
import { type PaymentRow, paymentToRow, type TransferRow, transferToRow } from "../../rows.ts";

export interface PreparedCall {
  commands: readonly Prepared[];
  progress: ProgressRow | null;
  allOrNone: boolean;
  fence: Fence | null;
}

export type Prepared = PreparedPayment | PreparedUnattributed | PreparedProduct;

/** A row of `watcher_progress`. */
export interface ProgressRow {
  chain: string;
  cursor: string;
  head_height: number;
  watched_until_ms: number;
}

export interface TopicList {
  topics: readonly Topic[];
  /** The topics as JSON. */
  json: string;
}

/** `NewRecord`, its data as JSON. */
export interface PreparedRecord {
  type: string;
  sequence: number | null;
  atMs: number;
  data: string;
}

export interface PreparedPayment {
  kind: "payment";
  id: string;
  merchantId: string;
  expectedSequence: number;
  row: PaymentRow;
  derivedFrom: string | null;
  /** The address and its own match key, of one that is to be created and waits for more than that. */
  shared: { recipient: string; address: string } | null;
  transfers: readonly TransferRow[];
  newTransfers: readonly TransferRow[];
  records: readonly PreparedRecord[];
  told: TopicList;
  stock: StockChange | null;
  idempotency: IdempotentAnswer | null;
}

export interface PreparedUnattributed {
  kind: "unattributed";
  /** A row of `unattributed_transfers`. */
  row: UnattributedRow;
  record: PreparedRecord;
  told: TopicList;
}

export interface UnattributedRow {
  merchant_id: string;
  chain: string;
  tx_id: string;
  idx: string;
  credit_time_ms: number;
}

export interface PreparedProduct {
  kind: "product";
  merchantId: string;
  productId: string;
  atMs: number;
  change: { type: "create"; row: ProductRow } | Exclude<ProductCommand["change"], { type: "create" }>;
  idempotency: IdempotentAnswer | null;
}

/** @throws TypeError what JSON cannot hold */
export function prepareCall({ commands, progress, allOrNone = false, fence = null }: AppendCall): PreparedCall {
  return {
    commands: commands.map(prepare),
    progress: progress && {
      chain: progress.chain,
      cursor: JSON.stringify(progress.cursor ?? null),
      head_height: progress.headHeight,
      watched_until_ms: progress.watchedUntilMs,
    },
    allOrNone,
    fence,
  };
}

function prepare(command: AppendCommand): Prepared {
  switch (command.kind) {
    case "payment":
      return preparePayment(command);
    case "unattributed":
      return prepareUnattributed(command);
    case "product":
      return prepareProduct(command);
  }
}

function preparePayment(command: PaymentCommand): PreparedPayment {
  const { payment, expectedSequence, transfers, newTransfers = [], events, sharedRecipient } = command;
  return {
    kind: "payment",
    id: payment.id,
    merchantId: payment.merchantId,
    expectedSequence,
    row: paymentToRow(payment),
    derivedFrom: command.derivedFrom ?? null,
    shared:
      sharedRecipient === undefined
        ? null
        : { recipient: sharedRecipient, address: payment.address ?? sharedRecipient },
    transfers: transfers.map((transfer) => transferToRow(payment, transfer)),
    newTransfers: newTransfers.map((transfer) => transferToRow(payment, transfer)),
    records: events.map(prepareRecord),
    told: topicList(command.topics),
    stock: command.stock ?? null,
    idempotency: command.idempotency ?? null,
  };
}

function prepareUnattributed(command: UnattributedCommand): PreparedUnattributed {
  const { merchantId, chain, txId, index, creditTimeMs, event } = command;
  return {
    kind: "unattributed",
    row: { merchant_id: merchantId, chain, tx_id: txId, idx: index, credit_time_ms: creditTimeMs },
    record: prepareRecord({ ...event, sequence: null }),
    told: topicList(command.topics),
  };
}

function prepareProduct({ merchantId, productId, atMs, change, idempotency }: ProductCommand): PreparedProduct {
  return {
    kind: "product",
    ...{ merchantId, productId, atMs },
    change: change.type === "create" ? { type: "create", row: productToRow(change.product) } : change,
    idempotency: idempotency ?? null,
  };
}

function prepareRecord({ type, sequence, atMs, data }: NewRecord): PreparedRecord {
  return { type, sequence, atMs, data: JSON.stringify(data) };
}

function topicList(given: readonly Topic[]): TopicList {
  const topics = [...new Set(given)];
  return { topics, json: JSON.stringify(topics) };
}

/** Under which a product's numbers are told. */
export function stockTopicList(merchantId: string): TopicList {
  return topicList(stockTopics(merchantId));
}
