/**
 * What one connection follows: its users and, where it asked, the shop's stock. Each room first tells its past, then
 * what happens; no record twice, whatever the client joins again.
 *
 * Every message carries where the client stands in the log, so that a library which comes back with it goes on exactly
 * there. That is one number for all rooms: while one of several is still telling its past, nothing is marked.
 */

import { positionAt } from "../../fanout/cursor.ts";
import type { Published } from "../../fanout/published.ts";
import { Subscriber } from "../../fanout/subscriber.ts";
import { CursorExpired } from "../../log/event-log.ts";
import type { JoinedTopic } from "../../log/store.ts";
import type { Topic } from "../../log/topic.ts";
import type { SocketIoConnection } from "../../transports/socketio/connection.ts";
import type { CryptoShopDeps } from "./context.ts";
import { packetsOf } from "./messages.ts";

type RoomsContext = Pick<CryptoShopDeps, "log" | "hub" | "clock" | "limits" | "replayWindowMs" | "onError">;

interface Room {
  topic: Topic;
  subscriber: Subscriber;
  /** Where the log ended when the session first joined. */
  joinedAt: number;
  isLive: boolean;
}

export class Rooms {
  readonly #context: RoomsContext;
  readonly #connection: SocketIoConnection;
  /** In the order in which the session joined them. */
  readonly #rooms = new Map<Topic, Room>();

  constructor(context: RoomsContext, connection: SocketIoConnection) {
    this.#context = context;
    this.#connection = connection;
  }

  get joined(): readonly JoinedTopic[] {
    return [...this.#rooms.values()].map(({ topic, joinedAt }) => ({ topic, joinedAt }));
  }

  has(topic: Topic): boolean {
    return this.#rooms.has(topic);
  }

  /** Listens from now on; tells nothing before `tell`. */
  open(topic: Topic, joinedAt?: number): void {
    const subscriber = this.#listen(topic);
    this.#rooms.set(topic, { topic, subscriber, joinedAt: joinedAt ?? subscriber.openedAt, isLive: false });
  }

  /** Tells what happened within the window, or behind `from`, and goes on live. Resolves when live. */
  async tell(topic: Topic, from: number | null): Promise<void> {
    const room = this.#rooms.get(topic);
    if (!room) return;
    await this.#follow(room, from);
    room.isLive = true;
  }

  /**
   * Of rooms that were open in the session's last connection, from where it was cut.
   * @param position what the client had last, in the log; `null`: nothing that is known
   */
  async tellAgain(position: number | null): Promise<void> {
    for (const [at, room] of [...this.#rooms.values()].entries()) {
      // The first room alone marks while it tells its past. A later one is complete up to any mark behind its joining.
      const isCovered = position !== null && (at === 0 || position > room.joinedAt);
      await this.tell(room.topic, isCovered ? position : null);
    }
  }

  leave(topic: Topic): void {
    this.#rooms.get(topic)?.subscriber.close();
    this.#rooms.delete(topic);
  }

  close(): void {
    for (const { subscriber } of this.#rooms.values()) subscriber.close();
    this.#rooms.clear();
  }

  async #follow(room: Room, from: number | null): Promise<void> {
    try {
      await room.subscriber.from(from ?? (await this.#beginOfWindow(room.topic)));
    } catch (error) {
      if (!(error instanceof CursorExpired) || from === null) throw error;
      // The log was trimmed behind the client: what is left of the window is what there is.
      room.subscriber = this.#listen(room.topic);
      await room.subscriber.from(await this.#beginOfWindow(room.topic));
    }
  }

  #beginOfWindow(topic: Topic): Promise<number> {
    const { log, clock, limits, replayWindowMs } = this.#context;
    return log.offsetSince(topic, clock.nowMs() - replayWindowMs, limits.replayRecords);
  }

  #listen(topic: Topic): Subscriber {
    const { log, hub, limits, onError } = this.#context;
    return Subscriber.open({
      log,
      hub,
      topic,
      replayPage: limits.replayPage,
      liveBuffer: limits.liveBuffer,
      sink: {
        deliver: (published) => this.#deliver(published),
        writable: () => this.#connection.writable(),
        failed: (error) => {
          onError(error);
          this.#connection.end("internal_error");
        },
      },
    });
  }

  #deliver(published: Published): void {
    const isMarked = this.#rooms.size === 1 || this.#rooms.values().every(({ isLive }) => isLive);
    const position = isMarked ? positionAt(this.#context.log, published.record.offset) : null;
    for (const packet of packetsOf(published, position)) this.#connection.send(packet);
  }
}
