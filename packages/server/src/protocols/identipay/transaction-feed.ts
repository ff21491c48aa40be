/**
 * One client that follows one transaction, over whatever transport: first how it stands, then every change, once.
 * Listening begins before the state is read and goes on behind it, so that the first message can never be older than
 * what was sent before it, and nothing falls between the two.
 */
import type { ErrorCode } from "@paybell/protocol";
import type { Published } from "../../fanout/published.ts";
import { Subscriber } from "../../fanout/subscriber.ts";
import type { PaymentStore } from "../../log/store.ts";
import { topics } from "../../log/topic.ts";
import { summarise } from "../../payments/payment.ts";
import { isPaymentId } from "../../payments/payment-id.ts";
import type { ProtocolContext } from "../protocol.ts";
import type { Place, Places } from "./places.ts";
import {
  changeMessage,
  errorMessage,
  NOT_FOUND,
  sameState,
  stateOf,
  statusMessage,
  type TransactionState,
} from "./status.ts";

export type FeedContext = Pick<ProtocolContext, "log" | "hub" | "limits" | "onError"> & {
  payments: Pick<PaymentStore, "snapshot">;
  places: Places;
};

/** Where the messages go. */
export interface FeedClient {
  readonly remoteAddress: string;
  /** @param published the record that the message was made of, for whoever shares its frame; `null`: made for this
   * client alone */
  tell(json: string, published: Published | null): void;
  /** The last message, and the end. */
  refuse(code: "not_found" | "too_many_connections", json: string): void;
  end(code: ErrorCode): void;
  writable(): Promise<void>;
}

export class TransactionFeed {
  readonly #context: FeedContext;
  readonly #transactionId: string;
  readonly #client: FeedClient;
  readonly #place: Place;
  #subscriber: Subscriber | null = null;
  #told: TransactionState | null = null;
  #closed = false;

  constructor(context: FeedContext, transactionId: string, client: FeedClient) {
    this.#context = context;
    this.#transactionId = transactionId;
    this.#client = client;
    this.#place = context.places.open();
  }

  /** Resolves when the client is live, or was refused. */
  async follow(): Promise<void> {
    try {
      await this.#begin();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The client is gone. */
  close(): void {
    this.#closed = true;
    this.#subscriber?.close();
    this.#place.release();
  }

  async #begin(): Promise<void> {
    // Gone before it began: nobody would ever end what is opened now.
    if (this.#closed) return;
    const { payments } = this.#context;
    const transactionId = this.#transactionId;
    // Nothing else can exist: no store is asked and nothing is registered.
    if (!isPaymentId(transactionId)) return this.#refuse("not_found", NOT_FOUND);
    const fromClient = this.#place.forClient(transactionId, this.#client.remoteAddress);
    if (fromClient !== null) return this.#refuse("too_many_connections", fromClient);
    const subscriber = this.#listen();
    const snapshot = await payments.snapshot(transactionId);
    if (this.#closed) return;
    if (!snapshot) return this.#refuse("not_found", NOT_FOUND);
    const { payment } = snapshot.state;
    const atMerchant = this.#place.forMerchant(payment.merchantId);
    if (atMerchant !== null) return this.#refuse("too_many_connections", atMerchant);
    this.#told = stateOf(summarise(payment));
    this.#client.tell(statusMessage(this.#told), null);
    await subscriber.from(snapshot.offset);
  }

  #listen(): Subscriber {
    const { log, hub, limits } = this.#context;
    this.#subscriber = Subscriber.open({
      log,
      hub,
      topic: topics.payment(this.#transactionId),
      replayPage: limits.replayPage,
      liveBuffer: limits.liveBuffer,
      sink: {
        deliver: (published) => this.#deliver(published),
        writable: () => this.#client.writable(),
        failed: (error) => this.#fail(error),
      },
    });
    return this.#subscriber;
  }

  #deliver(published: Published): void {
    const { type, data } = published.record;
    if (type === "payment.erased") {
      this.#refuse("not_found", NOT_FOUND);
      return;
    }
    if (data.payment === null) return;
    const state = stateOf(data.payment);
    if (this.#told && sameState(this.#told, state)) return;
    this.#told = state;
    this.#client.tell(
      published.encodeOnce("identipay", () => changeMessage(state)),
      published,
    );
  }

  #refuse(code: "not_found" | "too_many_connections", message: string): void {
    this.close();
    this.#client.refuse(code, errorMessage(message));
  }

  #fail(error: unknown): void {
    this.close();
    this.#context.onError(error);
    this.#client.end("internal_error");
  }
}
