/** What happens on one address of one chain, from a snapshot on. */
import type { TransferView } from "@paybell/protocol";
import type { Published } from "../../fanout/published.ts";
import { Subscriber } from "../../fanout/subscriber.ts";
import type { Snapshot } from "../../log/store.ts";
import { topics } from "../../log/topic.ts";
import type { Payment } from "../../payments/payment.ts";
import { viewTransfer } from "../../payments/transfer.ts";
import type { Connection } from "../../transports/websocket/connection.ts";
import type { ProtocolContext } from "../protocol.ts";

/** On an address without an order, a transfer older than this is somebody else's. */
export const STANDING_RECENT_MS = 24 * 60 * 60 * 1_000;

export interface FeedAddress {
  merchantId: string;
  chain: string;
  /** Canonical: its records are found under no other way of writing it. */
  address: string;
  recipient: string;
}

export interface FeedSink {
  /** `knows`: it is being followed already, so its news are wanted whoever's payment it is. */
  knows(txid: string): boolean;
  hear(transfers: readonly TransferView[], published: Published): void;
}

export class AddressFeed {
  readonly #context: ProtocolContext;
  readonly #subscriber: Subscriber;
  readonly #sink: FeedSink;
  /** The payment as it was when the client connected, and its recent transfers. */
  #snapshot: Snapshot | null = null;
  #readAt = 0;
  /** The payment that a new transaction must belong to: the newest on the address. */
  #newestPaymentId: string | null = null;

  private constructor(context: ProtocolContext, connection: Connection, at: FeedAddress, sink: FeedSink) {
    this.#context = context;
    this.#sink = sink;
    this.#subscriber = Subscriber.open({
      log: context.log,
      hub: context.hub,
      topic: topics.address(at.merchantId, at.chain, at.address),
      replayPage: context.limits.replayPage,
      liveBuffer: context.limits.liveBuffer,
      sink: {
        deliver: (published) => this.#deliver(published),
        writable: () => connection.writable(),
        failed: (error) => {
          context.onError(error);
          connection.end("internal_error");
        },
      },
    });
  }

  /** Listens, then reads how it stands. Nothing is heard before `follow`. */
  static async open(
    context: ProtocolContext,
    connection: Connection,
    at: FeedAddress,
    sink: FeedSink,
  ): Promise<AddressFeed> {
    const feed = new AddressFeed(context, connection, at, sink);
    try {
      const latest = await context.payments.latestOnAddress(at.merchantId, at.chain, at.recipient);
      await feed.#read(latest);
      return feed;
    } catch (error) {
      feed.close();
      throw error;
    }
  }

  /** The newest payment on the address; `null` when none names it. */
  get payment(): Payment | null {
    return this.#snapshot?.state.payment ?? null;
  }

  /** Its transfers that today's payer may have made, oldest first. */
  get recentTransfers(): readonly TransferView[] {
    const standing = this.payment?.amountAtomic === null;
    const views = this.#snapshot?.state.transfers.map(viewTransfer) ?? [];
    return standing ? views.filter((transfer) => this.#isRecent(transfer)) : views;
  }

  /** Hands over what happened since, then live. Resolves when live. */
  follow(): Promise<void> {
    return this.#subscriber.from(this.#readAt);
  }

  close(): void {
    this.#subscriber.close();
  }

  async #read(latest: Snapshot | null): Promise<void> {
    this.#newestPaymentId = latest?.state.payment.id ?? null;
    this.#readAt = latest?.offset ?? this.#subscriber.openedAt;
    // Again, with more of its transfers than the newest: a transaction may have several outputs to the address.
    this.#snapshot = latest ? await this.#context.payments.snapshot(latest.state.payment.id) : null;
  }

  #deliver(published: Published): void {
    const { record } = published;
    const { payment, transfers } = record.data;
    // Who names an address alone cannot tell payments that share it apart: they are not served here.
    if (payment === null || payment.sharesAddress) return;
    if (record.type === "payment.created") this.#newestPaymentId = payment.id;
    if (this.#snapshot?.state.payment.id === payment.id && record.offset <= this.#snapshot.offset) return;
    const mine = payment.id === this.#newestPaymentId;
    const wanted = transfers.filter(
      (transfer) => this.#sink.knows(transfer.txId) || (mine && (payment.amount !== null || this.#isRecent(transfer))),
    );
    if (wanted.length > 0) this.#sink.hear(wanted, published);
  }

  #isRecent(transfer: TransferView): boolean {
    return Date.parse(transfer.at) >= this.#context.clock.nowMs() - STANDING_RECENT_MS;
  }
}
