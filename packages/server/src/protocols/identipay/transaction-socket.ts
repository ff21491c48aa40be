/** One client of `/ws/transactions/{transactionId}`. See route.ts. */
import type { ErrorCode } from "@paybell/protocol";
import type { Published } from "../../fanout/published.ts";
import type { Connection, ConnectionHandler, UpgradeRequest } from "../../transports/websocket/connection.ts";
import { textFrame } from "../../transports/websocket/frame.ts";
import type { ProtocolContext } from "../protocol.ts";
import { type FeedClient, type FeedContext, TransactionFeed } from "./transaction-feed.ts";

export type SocketContext = FeedContext & Pick<ProtocolContext, "clock">;

export class TransactionSocket implements ConnectionHandler, FeedClient {
  readonly #context: SocketContext;
  readonly #connection: Connection;
  readonly #feed: TransactionFeed;
  /** When a message last went in either direction, milliseconds. */
  #activeAtMs: number;

  constructor(context: SocketContext, connection: Connection, request: UpgradeRequest) {
    this.#context = context;
    this.#connection = connection;
    this.#activeAtMs = context.clock.nowMs();
    this.#feed = new TransactionFeed(context, request.params.transactionId ?? "", this);
    void this.#feed.follow();
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }

  /** Whatever it is, it is a sign of life and no more. */
  onMessage(): void {
    this.#noteActivity();
  }

  onBinary(): void {
    this.#noteActivity();
  }

  onBeat(nowMs: number): void {
    if (nowMs - this.#activeAtMs >= this.#context.limits.identipayIdleMs) this.end("idle_timeout");
  }

  onClose(): void {
    this.#feed.close();
  }

  tell(json: string, published: Published | null): void {
    const frame = published?.encodeOnce("identipay/websocket", () => textFrame(json)) ?? textFrame(json);
    this.#noteActivity();
    this.#connection.send(frame);
  }

  refuse(code: "not_found" | "too_many_connections", json: string): void {
    this.tell(json, null);
    this.end(code);
  }

  end(code: ErrorCode): void {
    this.#connection.end(code);
  }

  writable(): Promise<void> {
    return this.#connection.writable();
  }

  #noteActivity(): void {
    this.#activeAtMs = this.#context.clock.nowMs();
  }
}
