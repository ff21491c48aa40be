/**
 * Two connections to Redis, from their opening to the loss of either: one publishes, one listens.
 *
 * A connection can be dead without anybody being told (a cut cable, a server that was stopped, a firewall that forgot
 * it). So this process sends itself a beat through both, every second: with the first that comes back the session is up,
 * and when three are missing it is lost.
 */
import { type Connection, failureOf, makeConnection, RedisFailure, serverVersion } from "./connection.ts";

export interface SessionOptions {
  /** `redis[s]://[user:password@]host[:port][/database]`. */
  url: string;
  /** Where messages are published and heard. */
  channel: string;
  /** Where only this process publishes and listens. */
  beatChannel: string;
  /** A message came, this process's own included. Must not throw. */
  onMessage: (bytes: Buffer) => void;
  /** What is published is heard, from now on. @param server what answers there: `Redis 7.0.15` */
  onUp: (server: string) => void;
  /** Once, also when it was never up. */
  onLost: (failure: RedisFailure) => void;
  /** Pause between beats, ms; default 1,000. */
  beatMs?: number;
}

const BEAT_MS = 1_000;
const BEATS_MISSED = 3;
/** From the first step to the first beat that comes back, ms. */
const OPEN_MS = 5_000;
/** Sent and not yet taken by Redis. What goes beyond is not sent: the log has it. */
const UNDERWAY_BYTES = 8 * 1_048_576;

export class Session {
  readonly #options: SessionOptions;
  readonly #publisher: Connection;
  readonly #listener: Connection;
  readonly #opening: NodeJS.Timeout;
  #beating: NodeJS.Timeout | null = null;
  #server = "a server that does not tell its version";
  #state: "opening" | "up" | "lost" = "opening";
  /** Beats that have not come back. */
  #missing = 0;
  #underwayBytes = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#publisher = this.#connection();
    this.#listener = this.#connection();
    this.#opening = setTimeout(() => this.end(new RedisFailure(`no answer within ${OPEN_MS} ms`)), OPEN_MS);
    this.#open().catch((error: unknown) => this.#fail(error));
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  /** Sends it, or does not; never waits. @param settled called once, with whether Redis took it */
  send(bytes: Buffer, settled: (isTaken: boolean) => void): void {
    if (!this.isUp || this.#underwayBytes + bytes.length > UNDERWAY_BYTES) {
      settled(false);
      return;
    }
    this.#underwayBytes += bytes.length;
    const settle = (isTaken: boolean) => {
      this.#underwayBytes -= bytes.length;
      settled(isTaken);
    };
    this.#publisher.publish(this.#options.channel, bytes).then(
      () => settle(true),
      () => settle(false),
    );
  }

  /** Gives both connections up. The first reason counts. */
  end(failure: RedisFailure): void {
    if (this.#state === "lost") return;
    this.#state = "lost";
    clearTimeout(this.#opening);
    if (this.#beating) clearInterval(this.#beating);
    this.#publisher.destroy();
    this.#listener.destroy();
    this.#options.onLost(failure);
  }

  #connection(): Connection {
    const connection = makeConnection(this.#options.url, { connectTimeoutMs: OPEN_MS });
    connection.on("error", (error: unknown) => this.#fail(error));
    return connection;
  }

  #fail(error: unknown): void {
    this.end(failureOf(error, this.#options.url));
  }

  async #open(): Promise<void> {
    const { channel, beatChannel, onMessage, beatMs = BEAT_MS } = this.#options;
    await Promise.all([this.#publisher.connect(), this.#listener.connect()]);
    const found = await serverVersion(this.#publisher);
    if (found) this.#server = `${found.name} ${found.version}`;
    if (found?.isFit === false)
      throw new RedisFailure(`${this.#server} answers; Redis 7 or newer is needed, or Valkey`);
    await this.#listener.subscribe(channel, onMessage, true);
    await this.#listener.subscribe(beatChannel, () => this.#heard());
    if (this.#state === "lost") return;
    this.#beating = setInterval(() => this.#beat(), beatMs);
    this.#beat();
  }

  #beat(): void {
    if (this.#missing >= BEATS_MISSED) {
      this.end(new RedisFailure("it does not answer any more"));
      return;
    }
    this.#missing += 1;
    this.#publisher.publish(this.#options.beatChannel, "").catch((error: unknown) => this.#fail(error));
  }

  #heard(): void {
    this.#missing = 0;
    if (this.#state !== "opening") return;
    this.#state = "up";
    clearTimeout(this.#opening);
    this.#options.onUp(this.#server);
  }
}
