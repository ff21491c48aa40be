/**
 * The bus between processes, on Redis' publish and subscribe: one message per commit, more where it is large. What this
 * process publishes its own listeners have at once, and what Redis brings back of it is thrown away by its first bytes.
 * Redis keeps nothing, and nothing waits for it: what is lost, the log has.
 */
import { type KeyObject, randomUUID } from "node:crypto";
import type { LogRecord } from "../../log/event-log.ts";
import { type Bus, BusListeners, type BusMessage, messageOfRecords } from "../bus.ts";
import { databaseOf, type RedisFailure, shownAddress } from "./connection.ts";
import { Link } from "./link.ts";
import { decode, encode, isSentBy, senderOf } from "./message.ts";
import { sealKey } from "./seal.ts";

export interface RedisBusOptions {
  /** `redis[s]://[user:password@]host[:port][/database]`. */
  url: string;
  /** Of the log: other installations on this Redis have others. */
  epoch: string;
  /** Begins the names of channels. */
  prefix: string;
  /** Seals messages; what has another seal is thrown away. */
  secret: Buffer;
  /** Redis is there (`null`), or why it is not. Called when that changes. @param server what answers: `Redis 7.0.15` */
  onState: (problem: string | null, server: string) => void;
  /** A listener failed, or messages could not be read: the bus goes on. */
  onError: (error: unknown) => void;
  /** Pause between beats, ms; see `Session`. */
  beatMs?: number;
}

/** Messages since the start. */
export type BusCounters = {
  /** Taken by Redis. */
  sent: number;
  /** Of other processes. */
  received: number;
  /** Not sent, because Redis was not there or did not take them. */
  unsent: number;
  /** Of other processes, or records in them: garbage, another version's, or with a wrong seal. */
  unreadable: number;
};

/** How often messages that cannot be read are reported, ms. */
const REPORT_MS = 60_000;

export class RedisBus implements Bus {
  readonly #options: RedisBusOptions;
  readonly #sender: Buffer;
  readonly #key: KeyObject;
  readonly #listeners: BusListeners;
  readonly #link: Link;
  readonly #counters: BusCounters = { sent: 0, received: 0, unsent: 0, unreadable: 0 };
  /** What was last said of Redis. */
  #problem: string | null = null;
  #reportAtMs = 0;
  readonly #changed = new Set<() => void>();

  constructor(options: RedisBusOptions) {
    this.#options = options;
    const { url, prefix, epoch, secret } = options;
    const node = randomUUID();
    this.#sender = senderOf(node);
    this.#listeners = new BusListeners(options.onError);
    const channel = `${prefix}:${databaseOf(url)}:${epoch}`;
    this.#key = sealKey(secret, channel);
    this.#link = new Link({
      url,
      channel,
      beatChannel: `${channel}:${node}`,
      onMessage: (bytes) => this.#hear(bytes),
      onUp: (server) => this.#turn(null, server),
      onDown: (failure) => this.#turn(failure),
      ...(options.beatMs === undefined ? {} : { beatMs: options.beatMs }),
    });
  }

  get reachesOthers(): boolean {
    return this.#link.isUp;
  }

  get counters(): Readonly<BusCounters> {
    return this.#counters;
  }

  /** Called whenever `reachesOthers` may have changed: some messages may have been lost around it. */
  onChanged(listener: () => void): void {
    this.#changed.add(listener);
  }

  publish(records: readonly LogRecord[]): void {
    this.#listeners.tell(messageOfRecords(records));
    if (!this.#link.isUp) {
      this.#counters.unsent += 1;
      return;
    }
    const count = (isTaken: boolean) => {
      this.#counters[isTaken ? "sent" : "unsent"] += 1;
    };
    for (const bytes of encode(this.#sender, this.#key, records)) this.#link.send(bytes, count);
  }

  subscribe(listener: (message: BusMessage) => void): () => void {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    await this.#link.close();
    this.#listeners.clear();
  }

  #hear(bytes: Buffer): void {
    if (isSentBy(this.#sender, bytes)) return;
    this.#counters.received += 1;
    const message = decode(bytes, this.#key, () => this.#countUnreadable());
    if (message) this.#listeners.tell(message);
    else this.#countUnreadable();
  }

  #countUnreadable(): void {
    this.#counters.unreadable += 1;
    const nowMs = performance.now();
    if (nowMs < this.#reportAtMs) return;
    this.#reportAtMs = nowMs + REPORT_MS;
    this.#options.onError(
      new Error(
        `${this.#counters.unreadable} messages on ${shownAddress(this.#options.url)} could not be read so far, or were not sealed with the database's secret: another version runs, or somebody else publishes there. They were thrown away; what was in them is read from the database.`,
      ),
    );
  }

  #turn(failure: RedisFailure | null, server = ""): void {
    const problem = failure?.message ?? null;
    if (problem === null || problem !== this.#problem) this.#options.onState(problem, server);
    this.#problem = problem;
    for (const listener of this.#changed) listener();
  }
}
