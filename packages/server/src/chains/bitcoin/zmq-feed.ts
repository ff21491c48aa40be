/**
 * What bitcoind announces over ZMQ: `rawtx` and `sequence`. It is a wake-up, never the truth: messages can be lost, and
 * everything works without them, only later. A gap in a topic's counter is told, so that the mempool is compared anew.
 * Source: Bitcoin Core `doc/zmq.md`.
 */
import { messageOf } from "../../kit/errors.ts";

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

const HASH_BYTES = 32;
/** Hash, `C` or `D`. */
const BLOCK_BODY_BYTES = HASH_BYTES + 1;
/** Hash, `A` or `R`, mempool sequence u64. */
const MEMPOOL_BODY_BYTES = HASH_BYTES + 1 + 8;
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

  constructor(endpoints: ZmqEndpoints, listener: ZmqListener) {
    this.#endpoints = endpoints;
    this.#listener = listener;
  }

  /** Never rejects: without ZMQ there is polling, and `onTrouble` says why. */
  async start(): Promise<void> {
    try {
      // Loaded here because its native part does not exist for every platform.
      const { Subscriber } = await import("zeromq");
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

  async stop(): Promise<void> {
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
    const [topicFrame, body, counter] = frames;
    if (!topicFrame || !body || counter?.length !== 4) {
      this.#listener.onTrouble(`A ZMQ message of ${frames.length} frames is not bitcoind's; it is left aside.`);
      return;
    }
    const topic = topicFrame.toString("latin1");
    this.#checkCounter(topic, counter.readUInt32LE(0));
    if (topic === "rawtx") this.#listener.onTransaction(body);
    else if (topic === "sequence") this.#handleSequence(body);
  }

  #checkCounter(topic: string, counter: number): void {
    const expected = this.#next.get(topic);
    this.#next.set(topic, (counter + 1) >>> 0);
    if (expected !== undefined && counter !== expected) this.#listener.onGap();
  }

  #handleSequence(body: Buffer): void {
    const label = String.fromCharCode(body[HASH_BYTES] ?? 0);
    // Unlike in transactions, hashes are sent here in the order in which they are shown.
    const txId = body.toString("hex", 0, HASH_BYTES);
    if (body.length === BLOCK_BODY_BYTES && (label === "C" || label === "D")) this.#listener.onBlock();
    else if (body.length === MEMPOOL_BODY_BYTES && label === "A") this.#listener.onMempoolAdded(txId);
    else if (body.length === MEMPOOL_BODY_BYTES && label === "R") this.#listener.onMempoolRemoved(txId);
    else this.#listener.onTrouble(`A ZMQ sequence message of ${body.length} bytes is not known; it is left aside.`);
  }
}
