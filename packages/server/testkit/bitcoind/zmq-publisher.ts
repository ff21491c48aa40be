/** bitcoind's ZMQ side: three frames, with a counter for each topic. Source: Bitcoin Core `doc/zmq.md`. */
import { Publisher } from "zeromq";
import { onceFree } from "./once-free.ts";

export type ZmqTopic = "rawtx" | "sequence" | "hashblock";

interface Message {
  topic: ZmqTopic;
  body: Buffer;
}

const REMEMBERED = 200;

export class ZmqPublisher {
  readonly #recent: Message[] = [];
  #counters = new Map<ZmqTopic, number>();
  #socket: Publisher | null = null;
  #sending: Promise<void> = Promise.resolve();
  #mempoolSequence = 0n;
  /** Messages are counted and not sent, as when a subscriber is too slow. */
  losing = false;
  endpoint = "";

  /** @param endpoint the one of before, if any */
  async bind(endpoint = this.endpoint || "tcp://127.0.0.1:*"): Promise<void> {
    const socket = new Publisher({ sendHighWaterMark: 0, linger: 0 });
    await onceFree(() => socket.bind(endpoint));
    this.endpoint = socket.lastEndpoint ?? endpoint;
    this.#socket = socket;
    // A node that is started again counts from the beginning.
    this.#counters = new Map();
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = null;
    await this.#sending;
    // Closing alone gives the port free only some time later.
    await socket?.unbind(this.endpoint);
    socket?.close();
  }

  transaction(raw: Buffer): void {
    this.#publish("rawtx", raw);
  }

  block(hash: string, connected: boolean): void {
    this.#publish("sequence", Buffer.concat([Buffer.from(hash, "hex"), Buffer.from(connected ? "C" : "D")]));
  }

  tip(hash: string): void {
    this.#publish("hashblock", Buffer.from(hash, "hex"));
  }

  mempool(txId: string, change: "A" | "R"): void {
    this.#mempoolSequence += 1n;
    const sequence = Buffer.alloc(8);
    sequence.writeBigUInt64LE(this.#mempoolSequence);
    this.#publish("sequence", Buffer.concat([Buffer.from(txId, "hex"), Buffer.from(change), sequence]));
  }

  /** Everything that was sent lately, once more. */
  async repeat(): Promise<void> {
    for (const { topic, body } of [...this.#recent]) this.#publish(topic, body);
    await this.#sending;
  }

  /** A message that bitcoind would never send. */
  garbage(...frames: readonly Buffer[]): void {
    this.#enqueue([...frames]);
  }

  #publish(topic: ZmqTopic, body: Buffer): void {
    this.#recent.push({ topic, body });
    this.#recent.splice(0, Math.max(0, this.#recent.length - REMEMBERED));
    const counter = this.#counters.get(topic) ?? 0;
    this.#counters.set(topic, counter + 1);
    const frame = Buffer.alloc(4);
    frame.writeUInt32LE(counter);
    if (!this.losing) this.#enqueue([Buffer.from(topic), body, frame]);
  }

  /** A socket takes one message at a time. */
  #enqueue(frames: Buffer[]): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#sending = this.#sending.then(() => (socket.closed ? undefined : socket.send(frames)));
  }
}
