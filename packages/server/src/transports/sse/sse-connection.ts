/** One SSE response: headers, heartbeat, back-pressure, and its place among the open connections. */
import type { ServerResponse } from "node:http";
import type { ErrorCode } from "@paybell/protocol";
import type { Clock } from "../../kit/clock.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { Limits } from "../../kit/limits.ts";
import type { Connections, OpenConnection, Slot } from "../connections.ts";
import { beginStream, retryAfterAWhile } from "./begin.ts";
import { SSE_HEARTBEAT } from "./message.ts";

export interface SseOptions {
  /** Nothing written yet; headers that were set on it stay. */
  response: ServerResponse;
  connections: Connections;
  /** For metrics: `sse`, … */
  protocol: string;
  remoteAddress: string;
  /** Whose payments are followed; left out: they are counted elsewhere. */
  merchantId?: string;
  limits: Pick<Limits, "bufferedBytes" | "pingIntervalMs" | "idleTimeoutMs" | "closeTimeoutMs">;
  clock: Clock;
}

const NOTHING = Buffer.alloc(0);
/** Of a connection that is not admitted, and ends as soon as it has begun. */
const NO_PLACE: Slot = {
  attach: () => undefined,
  serve: () => undefined,
  takeMessage: () => false,
  countEnd: () => undefined,
  release: () => undefined,
};

export class SseConnection implements OpenConnection {
  readonly #options: SseOptions;
  readonly #slot: Slot;
  readonly #onClose: (() => void)[] = [];
  #onBeat: () => void = () => undefined;
  #closed = false;
  #wroteAtMs: number;
  /** Since when bytes wait that the client does not take. */
  #stalledSinceMs: number | null = null;
  #cutOff: NodeJS.Timeout | null = null;

  private constructor(options: SseOptions, slot: Slot) {
    this.#options = options;
    this.#slot = slot;
    this.#wroteAtMs = options.clock.nowMs();
  }

  /**
   * Takes a place, then writes status line and headers. While the server leaves, the stream ends at once: at an answer
   * that is no stream, a browser's EventSource would give up for good.
   * @throws PaybellError too_many_connections: nothing was written
   */
  static open(options: SseOptions): SseConnection {
    const { connections, merchantId = null, protocol, remoteAddress, response } = options;
    try {
      const connection = new SseConnection(options, connections.admitFor(merchantId, protocol, remoteAddress));
      connection.#start();
      return connection;
    } catch (error) {
      if (!(error instanceof PaybellError) || error.code !== "shutting_down") throw error;
      response.setHeader("Connection", "close");
      const connection = new SseConnection(options, NO_PLACE);
      connection.#start();
      connection.end("shutting_down");
      return connection;
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Called once, when the client is gone or the response was ended; at once when that has happened already. */
  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#onClose.push(listener);
  }

  /** Called every few seconds while it is open, for what depends on time. */
  onBeat(listener: () => void): void {
    this.#onBeat = listener;
  }

  /** Writes bytes made by `sseMessage`. A client that lets too much wait is cut off: it comes back with its last id. */
  send(message: Buffer): void {
    if (this.#closed) return;
    const { response, limits, clock } = this.#options;
    this.#wroteAtMs = clock.nowMs();
    response.write(message);
    if (response.writableLength > limits.bufferedBytes) this.#cut("slow_consumer");
  }

  /** Resolves when little enough waits for another page of the past, or the connection has ended. */
  writable(): Promise<void> {
    const { response, limits } = this.#options;
    if (this.#closed || response.writableLength <= limits.bufferedBytes / 4) return Promise.resolve();
    return new Promise((resolve) => {
      this.onClose(resolve);
      response.write(NOTHING, () => resolve());
    });
  }

  /** Ends the response. SSE has no close code: a client reconnects by itself and is then told what is wrong. */
  end(code: ErrorCode): void {
    if (this.#closed) return;
    this.#slot.countEnd(code);
    if (code === "shutting_down") this.send(retryAfterAWhile());
    this.#close();
    const { response, limits } = this.#options;
    response.end();
    this.#cutOff = setTimeout(() => response.destroy(), limits.closeTimeoutMs);
  }

  beat(nowMs: number): void {
    if (this.#closed) return;
    const { response, limits } = this.#options;
    if (response.writableLength === 0) this.#stalledSinceMs = null;
    else this.#stalledSinceMs ??= nowMs;
    if (this.#stalledSinceMs !== null && nowMs - this.#stalledSinceMs >= limits.idleTimeoutMs)
      this.#cut("idle_timeout");
    else if (nowMs - this.#wroteAtMs >= limits.pingIntervalMs) this.send(SSE_HEARTBEAT);
    if (!this.#closed) this.#onBeat();
  }

  /** For a client that does not read: what waits for it would never leave. */
  #cut(code: ErrorCode): void {
    this.#slot.countEnd(code);
    this.#options.response.destroy();
    this.#close();
  }

  #start(): void {
    const { response } = this.#options;
    if (response.destroyed) {
      // The client left while it was looked up what it may see; `close` was emitted then.
      this.#close();
      this.#slot.release();
      return;
    }
    response.once("close", () => {
      if (this.#cutOff) clearTimeout(this.#cutOff);
      this.#close();
      this.#slot.release();
    });
    // Reset by the client: `close` follows, and there is nobody to tell.
    response.on("error", () => this.#close());
    beginStream(response);
    this.send(retryAfterAWhile());
    this.#slot.attach(this);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const listener of this.#onClose.splice(0)) listener();
  }
}
