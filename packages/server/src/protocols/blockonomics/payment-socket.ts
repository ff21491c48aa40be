/** One client of `/payment/{address}`: whose address it is, how it stands, what becomes of it. See route.ts. */
import { type ChainFacts, InvalidAddress } from "../../chains/watcher.ts";
import type { Published } from "../../fanout/published.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { Connection, ConnectionHandler, UpgradeRequest } from "../../transports/websocket/connection.ts";
import { textFrame } from "../../transports/websocket/frame.ts";
import type { ProtocolContext } from "../protocol.ts";
import { AddressFeed, type FeedAddress } from "./address-feed.ts";
import { Follower } from "./follower.ts";
import { messageJson, type StatusMessage } from "./status.ts";

export interface BlockonomicsContext extends ProtocolContext {
  /** The chains whose addresses may stand in the path. */
  chains: readonly ChainFacts[];
}

export class PaymentSocket implements ConnectionHandler {
  readonly #context: BlockonomicsContext;
  readonly #connection: Connection;
  readonly #follower: Follower;
  #feeds: AddressFeed[] = [];
  /** The record that is behind what will be told next: whoever follows the same shares its frame. */
  #published: Published | null = null;
  #live = false;
  #flushDue = false;

  constructor(context: BlockonomicsContext, connection: Connection, request: UpgradeRequest) {
    this.#context = context;
    this.#connection = connection;
    this.#follower = new Follower({
      capacity: context.limits.liveBuffer,
      tell: (message) => this.#send(message),
    });
    this.#begin(request).catch((error: unknown) => this.#fail(error));
  }

  /** Never called: the route is silent. */
  onMessage(): void {}

  onClose(): void {
    for (const feed of this.#feeds) feed.close();
  }

  async #begin(request: UpgradeRequest): Promise<void> {
    const address = request.params.address ?? "";
    const named = readersOf(this.#context.chains, address);
    if (named.length === 0) return;
    const merchantId = await this.#merchantOf(request, named);
    if (merchantId === null) return;
    if (!this.#isServed(merchantId)) return;
    for (const at of named) {
      this.#feeds.push(await AddressFeed.open(this.#context, this.#connection, { ...at, merchantId }, this.#sink));
    }
    this.#feeds = choose(this.#feeds);
    if (this.#connection.closed) {
      this.onClose();
      return;
    }
    this.#follower.begin(this.#feeds.flatMap((feed) => feed.recentTransfers));
    await Promise.all(this.#feeds.map((feed) => feed.follow()));
    this.#follower.flush();
    this.#live = true;
  }

  /** `null`: nothing to tell, or the connection was ended because it is not clear whose address it is. */
  async #merchantOf(
    request: UpgradeRequest,
    named: readonly Omit<FeedAddress, "merchantId">[],
  ): Promise<string | null> {
    const { authenticator, payments } = this.#context;
    const publishableKey = request.url.searchParams.get("key");
    const merchantId = await authenticator.merchantOf({ host: request.headers.host, publishableKey });
    if (merchantId !== null) return merchantId;
    if (publishableKey !== null) {
      this.#connection.end("unauthorized");
      return null;
    }
    const found = await Promise.all(named.map((at) => payments.merchantsOnAddress(at.chain, at.recipient)));
    const merchants = [...new Set(found.flat())];
    if (merchants.length > 1) this.#connection.end("invalid_request");
    return merchants.length === 1 ? (merchants[0] as string) : null;
  }

  /** Silent to the last: whoever finds no place is only closed, with 1013. */
  #isServed(merchantId: string): boolean {
    try {
      this.#connection.serve(merchantId);
      return true;
    } catch (error) {
      if (!(error instanceof PaybellError)) throw error;
      this.#connection.end(error.code);
      return false;
    }
  }

  get #sink() {
    return {
      knows: (txid: string) => this.#follower.knows(txid),
      hear: (transfers: Parameters<Follower["hear"]>[0], published: Published) => {
        this.#published = published;
        this.#follower.hear(transfers);
        this.#flushSoon();
      },
    };
  }

  /** After the rest of the commit: the outputs of one transaction are told as one. */
  #flushSoon(): void {
    if (!this.#live || this.#flushDue) return;
    this.#flushDue = true;
    setImmediate(() => {
      this.#flushDue = false;
      try {
        if (!this.#connection.closed) this.#follower.flush();
        this.#published = null;
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #fail(error: unknown): void {
    this.#context.onError(error);
    this.#connection.end("internal_error");
    this.onClose();
  }

  #send(message: StatusMessage): void {
    const json = messageJson(message);
    const frame = this.#published?.encodeOnce(`blockonomics/${json}`, () => textFrame(json)) ?? textFrame(json);
    this.#connection.send(frame);
  }
}

/** On which of the chains the text is an address, and its match key there. */
function readersOf(chains: readonly ChainFacts[], address: string): Omit<FeedAddress, "merchantId">[] {
  return chains.flatMap((facts) => {
    try {
      return [{ chain: facts.chain, address: facts.canonicalAddress(address), recipient: facts.recipientOf(address) }];
    } catch (error) {
      if (error instanceof InvalidAddress) return [];
      throw error;
    }
  });
}

/** One address can be one of several chains: the one on which it was last asked for, or all while nobody asked. */
function choose(feeds: AddressFeed[]): AddressFeed[] {
  const newest = feeds
    .filter((feed) => feed.payment !== null)
    .toSorted((a, b) => (b.payment?.createdAtMs ?? 0) - (a.payment?.createdAtMs ?? 0))[0];
  if (!newest) return feeds;
  for (const feed of feeds) if (feed !== newest) feed.close();
  return [newest];
}
