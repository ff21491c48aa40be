/**
 * The way out of one connection. While a WebSocket carries it, the shared frames are written to the socket below, all
 * of one go in one write; while the client polls, the engine keeps them for its next request.
 */
import type { Socket } from "engine.io";
import { joinFrames } from "../websocket/frame.ts";
import type { EventPacket } from "./connection.ts";
import { hasQueue, webSocketOf } from "./engine-socket.ts";

const NOTHING = Buffer.alloc(0);

export class Outlet {
  readonly #engine: Socket;
  readonly #bufferedBytes: number;
  /** Sent in this go, not yet written. */
  #outbox: EventPacket[] = [];
  #outboxBytes = 0;
  /** Given to the engine, which waits for the client to poll. */
  #queuedBytes = 0;
  #waiters: (() => void)[] = [];
  #closed = false;

  /** @param bufferedBytes the limit of that name */
  constructor(engine: Socket, bufferedBytes: number) {
    this.#engine = engine;
    this.#bufferedBytes = bufferedBytes;
    engine.on("flush", () => {
      this.#queuedBytes = 0;
    });
    engine.on("drain", () => this.#wake());
  }

  /** What waits for the client: bytes. */
  get waitingBytes(): number {
    const below = webSocketOf(this.#engine)?.wire?.writableLength ?? 0;
    return below + this.#queuedBytes + this.#outboxBytes;
  }

  get isFull(): boolean {
    return this.waitingBytes > this.#bufferedBytes;
  }

  /** What is sent in one go leaves in one write, a microtask later: a commit often has several events for a client. */
  send(packet: EventPacket): void {
    if (this.#closed) return;
    if (this.#outbox.length === 0) queueMicrotask(() => this.flush());
    this.#outbox.push(packet);
    this.#outboxBytes += packet.frame.length;
  }

  flush(): void {
    const packets = this.#outbox;
    const [first] = packets;
    if (!first) return;
    this.#outbox = [];
    this.#outboxBytes = 0;
    const wire = webSocketOf(this.#engine)?.wire;
    // What waits in the engine came before.
    if (wire && !hasQueue(this.#engine)) {
      wire.write(packets.length === 1 ? first.frame : joinFrames(packets.map(({ frame }) => frame)));
      return;
    }
    for (const { encoded, frame } of packets) {
      this.#queuedBytes += frame.length;
      // Where it is sent after all over a WebSocket, which may have taken over by then. A list of parts, as `ws` makes it.
      this.#engine.write(encoded, { wsPreEncodedFrame: [frame] } as object);
    }
  }

  /** Resolves when little enough waits for another page, or the connection has ended. */
  writable(): Promise<void> {
    this.flush();
    if (this.#closed || this.waitingBytes <= this.#bufferedBytes / 4) return Promise.resolve();
    const wire = webSocketOf(this.#engine)?.wire;
    return new Promise((resolve) => {
      // The callback of an empty write comes after everything before it was taken by the system, or with an error when
      // the socket is destroyed: both mean that the wait is over.
      if (wire && this.#queuedBytes === 0) wire.write(NOTHING, () => resolve());
      else this.#waiters.push(resolve);
    });
  }

  close(): void {
    this.#closed = true;
    this.#outbox = [];
    this.#outboxBytes = 0;
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
