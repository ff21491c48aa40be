/** One client of `/ws/v1`: what it follows, and what it is told. See route.ts. */
import type { ErrorCode } from "@paybell/protocol";
import { positionAt, resolveCursor } from "../../fanout/cursor.ts";
import type { Published } from "../../fanout/published.ts";
import { PaybellError } from "../../kit/errors.ts";
import type {
  EventPacket,
  SocketIoConnection,
  SocketIoHandler,
  SocketIoHandshake,
} from "../../transports/socketio/connection.ts";
import { KeyGuard } from "../native/key-guard.ts";
import type { ProtocolContext } from "../protocol.ts";
import { askingFrom, authKey, merchantFor } from "./access.ts";
import {
  connectionError,
  endError,
  errorMessage,
  INVALID_ID,
  subscribedMessage,
  unsubscribedMessage,
} from "./messages.ts";
import { ackPacket, errorPacket, executionIn, paymentPacket, solePaymentPacket } from "./packets.ts";
import { parseResumeToken, type ResumePoint, resumeToken } from "./resume-token.ts";
import { Told } from "./told.ts";
import { TrackingFeed } from "./tracking-feed.ts";
import { trackingIdIn } from "./tracking-id.ts";

export interface SessionContext extends ProtocolContext {
  /** How far back a subscribe tells what was executed. */
  replayWindowMs: number;
  /** A client may not listen: for metrics. */
  countRefusal(code: ErrorCode): void;
}

export class TributarySession implements SocketIoHandler {
  readonly #context: SessionContext;
  readonly #connection: SocketIoConnection;
  readonly #handshake: SocketIoHandshake;
  readonly #told: Told;
  readonly #feeds = new Map<string, TrackingFeed>();
  readonly #keyGuard: KeyGuard | null;
  /** What the client followed before it was cut off is followed again; no event is handled before. */
  readonly #resumed: Promise<void>;
  #refusalLogged = false;

  constructor(context: SessionContext, connection: SocketIoConnection, handshake: SocketIoHandshake) {
    this.#context = context;
    this.#connection = connection;
    this.#handshake = handshake;
    this.#told = new Told(context.limits.liveBuffer);
    this.#keyGuard = this.#guardKey();
    this.#resumed = this.#resume().catch((error: unknown) => this.#refuse(error));
  }

  async onEvent(name: string, args: readonly unknown[]): Promise<void> {
    await this.#resumed;
    if (this.#connection.closed) return;
    if (name === "subscribe") await this.#onSubscribe(args[0]).catch((error: unknown) => this.#refuse(error));
    else if (name === "unsubscribe") this.#onUnsubscribe(args[0]);
    // No other event means anything here; as from the real service, there is no answer.
  }

  onBeat(): void {
    this.#keyGuard?.beat();
  }

  farewell(code: ErrorCode): EventPacket {
    return errorPacket(endError(code, this.#nowMs));
  }

  onClose(): void {
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
  }

  get #nowMs(): number {
    return this.#context.clock.nowMs();
  }

  async #onSubscribe(payload: unknown): Promise<void> {
    const id = trackingIdIn(payload);
    if (!id) {
      this.#refuseId("subscribe");
      return;
    }
    const feed = this.#feeds.has(id.trackingId) ? null : await this.#open(id.trackingId, 0);
    if (this.#connection.closed) return;
    this.#ack(subscribedMessage(id.sent, this.#nowMs));
    feed?.start();
  }

  /** Also of an id that it never followed. */
  #onUnsubscribe(payload: unknown): void {
    const id = trackingIdIn(payload);
    if (!id) {
      this.#refuseId("unsubscribe");
      return;
    }
    this.#feeds.get(id.trackingId)?.close();
    this.#feeds.delete(id.trackingId);
    this.#ack(unsubscribedMessage(id.sent, this.#nowMs));
  }

  /** All are followed before anything is sent: whoever is cut off in between brings all of them back again. */
  async #resume(): Promise<void> {
    const { isReturning, offset } = this.#handshake.session;
    const point = isReturning && offset !== null ? parseResumeToken(offset) : null;
    if (!point) return;
    const heardTo = await this.#offsetOf(point);
    const opened: [string, TrackingFeed][] = [];
    try {
      for (const trackingId of point.trackingIds) {
        opened.push([trackingId, await this.#open(trackingId, heardTo)]);
        if (this.#connection.closed) return;
      }
    } catch (error) {
      // Those that it may follow are followed.
      this.#refuse(error);
    }
    for (const [trackingId, feed] of opened) {
      this.#ack(subscribedMessage(trackingId, this.#nowMs));
      feed.start();
    }
  }

  /** 0 where the log no longer knows the position: then the whole window is told again. */
  async #offsetOf({ at }: ResumePoint): Promise<number> {
    try {
      return await resolveCursor(this.#context.log, at);
    } catch (error) {
      if (error instanceof PaybellError) return 0;
      throw error;
    }
  }

  /** @throws PaybellError too_many_subscriptions, too_many_connections, forbidden, unauthorized */
  async #open(trackingId: string, heardTo: number): Promise<TrackingFeed> {
    const { tributarySubscriptionsPerConnection: most } = this.#context.limits;
    if (this.#feeds.size >= most) {
      throw new PaybellError(
        "too_many_subscriptions",
        `This connection follows ${most} tracking IDs, and may no more.`,
      );
    }
    const asking = await askingFrom(this.#context, this.#handshake);
    const merchantId = await merchantFor(this.#context, asking);
    this.#connection.serve(merchantId);
    const feed = await TrackingFeed.open(
      this.#context,
      { merchantId, trackingId, heardTo },
      {
        deliver: (published) => this.#deliver(published),
        writable: () => this.#connection.writable(),
        failed: (error) => this.#fail(error),
      },
    );
    if (this.#connection.closed) feed.close();
    else this.#feeds.set(trackingId, feed);
    return feed;
  }

  #deliver(published: Published): void {
    const execution = executionIn(published);
    if (!execution || !this.#told.add(execution.id)) return;
    const packet =
      this.#feeds.size === 1
        ? solePaymentPacket(published, execution, this.#context.log)
        : paymentPacket(published, execution);
    this.#connection.send(packet);
  }

  #ack(message: ReturnType<typeof subscribedMessage>): void {
    const heardTo = Math.min(this.#context.hub.offset, ...[...this.#feeds.values()].map((feed) => feed.offset));
    const token = resumeToken({ at: positionAt(this.#context.log, heardTo), trackingIds: [...this.#feeds.keys()] });
    this.#connection.send(ackPacket(message, token));
  }

  #refuseId(event: keyof typeof INVALID_ID): void {
    this.#connection.send(errorPacket(errorMessage("INVALID_TRACKING_ID", INVALID_ID[event], this.#nowMs)));
  }

  #refuse(error: unknown): void {
    if (!(error instanceof PaybellError)) this.#fail(error);
    // Its merchant has no place for it: it may find one later.
    else if (error.code === "too_many_connections") this.#connection.end(error.code);
    else this.#sayWhy(error);
  }

  #sayWhy({ code, message }: PaybellError): void {
    this.#context.countRefusal(code);
    this.#connection.send(errorPacket(connectionError(message, this.#nowMs)));
    // Once for each connection: it may ask as often as it likes.
    if (this.#refusalLogged || code === "too_many_subscriptions") return;
    this.#refusalLogged = true;
    this.#context.onError(new PaybellError(code, `A Tributary client was refused: ${message}`));
  }

  #fail(error: unknown): void {
    this.#context.onError(error);
    this.#connection.end("internal_error");
  }

  #guardKey(): KeyGuard | null {
    const key = authKey(this.#handshake);
    if (key === null) return null;
    const { authenticator, onError } = this.#context;
    return new KeyGuard({ authenticator, key, onRevoked: () => this.#connection.end("unauthorized"), onError });
  }
}
