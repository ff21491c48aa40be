/**
 * What one connection follows: its users and, where it asked, the shop's stock. Each room first tells its past, then
 * what happens; no record twice, whatever the client joins again.
 *
 * Every event carries where the client stands in the log, so that a library which comes back with it goes on exactly
 * there. That is one number for all rooms: while one of several is still telling its past, nothing is marked.
 */

import type { Published } from "../../fanout/published.ts";
import { windowStart } from "../../fanout/replay-window.ts";
import { Subscriber } from "../../fanout/subscriber.ts";
import { CursorExpired } from "../../log/event-log.ts";
import type { JoinedTopic } from "../../log/store.ts";
import type { Topic } from "../../log/topic.ts";
import type { SocketIoConnection } from "../../transports/socketio/connection.ts";
import type { CryptoShopDeps } from "./context.ts";
import type { Mark } from "./mark.ts";
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
  #hadLast: Mark | null = null;

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

  /** Tells what happened within the window, and goes on live. Resolves when live. */
  async tell(topic: Topic): Promise<void> {
    await this.#follow(topic, null, null);
  }

  /**
   * Of rooms that were open in the session's last connection, from where it was cut.
   * @param mark what the client says that it had last; `null`: nothing that is known
   * @param isWhole are these all rooms that the session had, then and now?
   */
  async tellAgain(mark: Mark | null, { isWhole }: { isWhole: boolean }): Promise<void> {
    this.#hadLast = mark;
    // Of a record that it has in part the rest is told.
    const heardTo = mark && (mark.had === null ? mark.offset : mark.offset - 1);
    for (const [at, { topic, joinedAt }] of [...this.#rooms.values()].entries()) {
      // Complete up to any mark behind its joining. Before that only the first room of all marks, while it tells its
      // past; a client that says so of times before the window gets the window.
      const isCovered = mark !== null && mark.offset > joinedAt;
      await this.#follow(topic, isCovered ? heardTo : null, isWhole && at === 0 ? heardTo : null);
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

  /** @param from `null`: from the beginning of the window, but not before `atLeast` */
  async #follow(topic: Topic, from: number | null, atLeast: number | null): Promise<void> {
    const room = this.#rooms.get(topic);
    if (!room) return;
    try {
      await room.subscriber.from(from ?? Math.max(await this.#beginOfWindow(room), atLeast ?? 0));
    } catch (error) {
      if (!(error instanceof CursorExpired) || from === null) throw error;
      // The log was trimmed behind the client: what is left of the window is what there is.
      room.subscriber = this.#listen(topic);
      await room.subscriber.from(await this.#beginOfWindow(room));
    }
    room.isLive = true;
  }

  #beginOfWindow({ topic, subscriber: { openedAt } }: Room): Promise<number> {
    return windowStart(this.#context, { topic, openedAt, records: this.#context.limits.replayRecords });
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
    const packets = packetsOf(published, isMarked ? this.#context.log : null);
    const had = this.#hadLast?.offset === published.record.offset ? this.#hadLast.had : null;
    for (const packet of had === null ? packets : packets.slice(had)) this.#connection.send(packet);
  }
}
