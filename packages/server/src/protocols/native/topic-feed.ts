/** One topic on one native WebSocket: records → event frames, each made once for all who see the same. */
import type { Published } from "../../fanout/published.ts";
import { Subscriber } from "../../fanout/subscriber.ts";
import type { Audience } from "../../http/deps.ts";
import type { Topic } from "../../log/topic.ts";
import type { Connection, Frame } from "../../transports/websocket/connection.ts";
import { textFrame } from "../../transports/websocket/frame.ts";
import type { ProtocolContext } from "../protocol.ts";
import { eventJson } from "./events.ts";

export class TopicFeed {
  readonly #context: ProtocolContext;
  readonly #connection: Connection;
  /** As the client called it. */
  readonly #name: string;
  readonly #onErased: () => void;
  readonly #subscriber: Subscriber;
  #audience: Audience = "public";

  /** Starts to listen; nothing is sent before `follow`.
   * @param onErased the payment is gone: the client was told, the feed is to be forgotten */
  constructor(
    context: ProtocolContext,
    connection: Connection,
    { topic, name }: { topic: Topic; name: string },
    onErased: () => void,
  ) {
    this.#context = context;
    this.#connection = connection;
    this.#name = name;
    this.#onErased = onErased;
    this.#subscriber = Subscriber.open({
      log: context.log,
      hub: context.hub,
      topic,
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

  /** The log offset at which listening began. */
  get openedAt(): number {
    return this.#subscriber.openedAt;
  }

  /** What the client has of this topic. */
  get offset(): number {
    return this.#subscriber.offset;
  }

  /** Sends what is behind the offset, then live. Resolves when live.
   * @throws CursorExpired */
  follow(audience: Audience, offset: number): Promise<void> {
    this.#audience = audience;
    return this.#subscriber.from(offset);
  }

  close(): void {
    this.#subscriber.close();
  }

  #deliver(published: Published): void {
    this.#connection.send(this.#eventFrame(published));
    if (published.record.type !== "payment.erased" || !this.#name.startsWith("payment:")) return;
    const gone = { type: "error", code: "not_found", message: "The payment was erased.", topic: this.#name };
    this.#connection.send(textFrame(JSON.stringify(gone)));
    this.#onErased();
  }

  #eventFrame(published: Published): Frame {
    return published.encodeOnce(`stream/${this.#audience}/${this.#name}`, () => {
      const event = eventJson(published, this.#audience, this.#context.log);
      return textFrame(`{"type":"event","topic":${JSON.stringify(this.#name)},"event":${event}}`);
    });
  }
}
