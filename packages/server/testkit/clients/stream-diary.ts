/** A client of the native WebSocket on one topic that comes back with its cursor, and does what PROTOCOL.md says where that
 * has expired: it takes the snapshot, or where there is none goes on from now. Notes all that it is told. */
import type { PaymentEvent, StreamMessage } from "@paybell/protocol";
import { WebSocket } from "ws";

const PAUSE_MS = 40;

export class StreamDiary {
  /** In order, all connections. */
  readonly messages: StreamMessage[] = [];
  connections = 0;
  readonly #options: { wsUrl: string; key: string | null; topic: string };
  #after: string | undefined;
  #socket: WebSocket | null = null;
  #isStopped = false;

  constructor(options: { wsUrl: string; key: string | null; topic: string }) {
    this.#options = options;
    this.#connect();
  }

  /** Its last cursor. */
  get after(): string | undefined {
    return this.#after;
  }

  get events(): PaymentEvent[] {
    return this.messages.flatMap((message) => (message.type === "event" ? [message.event] : []));
  }

  /** Kinds of messages in order, errors by their codes. */
  get kinds(): string[] {
    return this.messages.map((message) => (message.type === "error" ? message.code : message.type));
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.terminate();
  }

  #connect(): void {
    if (this.#isStopped) return;
    const { wsUrl, key } = this.#options;
    const headers = key === null ? {} : { authorization: `Bearer ${key}` };
    const socket = new WebSocket(`${wsUrl}/v1/stream`, { headers, handshakeTimeout: 5_000 });
    this.#socket = socket;
    socket.on("open", () => {
      this.connections += 1;
      this.#subscribe();
    });
    socket.on("message", (data) => this.#receive(JSON.parse(String(data)) as StreamMessage));
    // A refused connection is an error and then a close; the close brings it back.
    socket.on("error", () => undefined);
    socket.on("close", () => setTimeout(() => this.#connect(), PAUSE_MS));
  }

  #subscribe(): void {
    const { topic } = this.#options;
    const after = this.#after === undefined ? {} : { after: this.#after };
    this.#socket?.send(JSON.stringify({ type: "subscribe", topic, ...after }));
  }

  #receive(message: StreamMessage): void {
    this.messages.push(message);
    if (message.type === "event") this.#after = message.event.position;
    if (message.type === "subscribed" || message.type === "snapshot") this.#after = message.position;
    if (message.type !== "error" || message.code !== "cursor_expired") return;
    this.#after = undefined;
    // A payment's topic goes on by itself, with a snapshot.
    if (!this.#options.topic.startsWith("payment:")) this.#subscribe();
  }
}
