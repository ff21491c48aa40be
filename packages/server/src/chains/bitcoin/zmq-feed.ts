/**
 * What bitcoind announces over ZMQ: `rawtx` and `sequence`. It is a wake-up, never the truth: messages can be lost, and
 * everything works without them, only later. A gap in a topic's counter is told, so that the mempool is compared anew.
 * Source: Bitcoin Core `doc/zmq.md`.
 */
import { messageOf } from "../../kit/errors.ts";
import { MalformedZmqMessage, readZmqMessage, type ZmqMessage, type ZmqNews } from "./zmq-message.ts";

export interface ZmqEndpoints {
  rawtx: string;
  sequence: string;
}

export interface ZmqListener {
  /** A transaction entered the mempool, or is in a block that was connected or disconnected. */
  onTransaction(raw: Buffer): void;
  /** A block was connected or disconnected. */
  onBlock(): void;
  onMempoolAdded(txId: string): void;
  /** It left the mempool for another reason than being mined. */
  onMempoolRemoved(txId: string): void;
  /** Messages were lost, or the node was restarted. */
  onGap(): void;
  onTrouble(message: string): void;
}

/** Messages that wait for us at most; a block announces thousands at once. Beyond it they are lost, which is a gap. */
const HIGH_WATER_MARK = 10_000;
const HEARTBEAT_INTERVAL_MS = 10_000;

interface Socket extends AsyncIterable<Buffer[]> {
  connect(endpoint: string): void;
  subscribe(...topics: string[]): void;
  close(): void;
}

export class ZmqFeed {
  readonly #endpoints: ZmqEndpoints;
  readonly #listener: ZmqListener;
  readonly #next = new Map<string, number>();
  #socket: Socket | null = null;
  #loop: Promise<void> = Promise.resolve();
  #hasEnded = false;

  constructor(endpoints: ZmqEndpoints, listener: ZmqListener) {
    this.#endpoints = endpoints;
    this.#listener = listener;
  }

  /** Never rejects: without ZMQ there is polling, and `onTrouble` says why. */
  async start(): Promise<void> {
    try {
      // Loaded here because its native part does not exist for every platform.
      const { Subscriber } = await import("zeromq");
      if (this.#hasEnded) return;
      const socket: Socket = new Subscriber({
        receiveHighWaterMark: HIGH_WATER_MARK,
        // A connection that is dead on the other side is noticed and made anew.
        heartbeatInterval: HEARTBEAT_INTERVAL_MS,
        heartbeatTimeout: HEARTBEAT_INTERVAL_MS,
        reconnectMaxInterval: 5_000,
        linger: 0,
      });
      for (const endpoint of new Set(Object.values(this.#endpoints))) socket.connect(endpoint);
      socket.subscribe("rawtx", "sequence");
      this.#socket = socket;
      this.#loop = this.#receive(socket);
    } catch (error) {
      this.#listener.onTrouble(`ZMQ cannot be used (${messageOf(error)}): the node is polled instead.`);
    }
  }

  /** For good, also while it starts. */
  async stop(): Promise<void> {
    this.#hasEnded = true;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    await this.#loop;
  }

  async #receive(socket: Socket): Promise<void> {
    try {
      for await (const frames of socket) this.#handle(frames);
    } catch (error) {
      // Closing the socket ends a pending receive with an error; that is how `stop` ends the loop.
      if (this.#socket !== null) {
        this.#listener.onTrouble(`ZMQ has ended (${messageOf(error)}): the node is polled instead.`);
      }
    }
  }

  #handle(frames: readonly Buffer[]): void {
    let message: ZmqMessage;
    try {
      message = readZmqMessage(frames);
    } catch (error) {
      if (!(error instanceof MalformedZmqMessage)) throw error;
      this.#listener.onTrouble(`${error.message}; it is left aside.`);
      return;
    }
    this.#checkCounter(message);
    this.#tell(message.news);
  }

  #tell(news: ZmqNews): void {
    if (news.is === "transaction") this.#listener.onTransaction(news.raw);
    else if (news.is === "block") this.#listener.onBlock();
    else if (news.is === "added") this.#listener.onMempoolAdded(news.txId);
    else this.#listener.onMempoolRemoved(news.txId);
  }

  #checkCounter({ topic, counter }: ZmqMessage): void {
    const expected = this.#next.get(topic);
    this.#next.set(topic, (counter + 1) >>> 0);
    if (expected !== undefined && counter !== expected) this.#listener.onGap();
  }
}
