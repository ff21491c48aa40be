/**
 * One client on pusher-js's HTTP fallback: what it is to be told waits here for a response to write it to, and what it
 * says comes by requests of its own.
 */
import type { ErrorCode } from "@paybell/protocol";
import type { Clock } from "../../kit/clock.ts";
import type { Limits } from "../../kit/limits.ts";
import type { OpenConnection, Slot } from "../connections.ts";
import type { Closing } from "../websocket/connection.ts";
import { closingOf } from "./close-codes.ts";
import { FallbackReader } from "./fallback-reader.ts";
import type { Outgoing } from "./outgoing.ts";
import type { PusherLink, PusherSession } from "./session.ts";

export interface FallbackOptions {
  remoteAddress: string;
  slot: Slot;
  limits: Limits;
  clock: Clock;
  onError: (error: unknown) => void;
  /** Called once, when nothing is left of it. */
  onGone: () => void;
}

/** Messages are written together up to this many characters a line. */
const LINE_UNITS = 16_384;
const OPEN = "o\n";
const HEARTBEAT = "h\n";
/** No message: says that somebody is there. A heartbeat would be answered by the client, on and on. */
const ACTIVITY = "a[]\n";

export class FallbackSession implements PusherLink, OpenConnection {
  readonly #options: FallbackOptions;
  #session: PusherSession | null = null;
  #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  #onWritable: (() => void)[] = [];
  #reader: FallbackReader | null = null;
  /** Since when there is no response to write to. */
  #unreadSinceMs: number;
  #wroteAtMs: number;
  #heartbeatUnanswered = false;
  #owesActivity = false;
  #closed = false;
  #closing: string | null = null;
  #gone = false;
  #cutOff: NodeJS.Timeout | null = null;
  /** Messages are handled one after the other. At most `messagesPerSecond` twice wait. */
  #handled: Promise<void> = Promise.resolve();

  constructor(options: FallbackOptions) {
    const nowMs = options.clock.nowMs();
    this.#options = options;
    this.#unreadSinceMs = nowMs;
    this.#wroteAtMs = nowMs;
  }

  get remoteAddress(): string {
    return this.#options.remoteAddress;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The first response: opens the protocol's side. */
  start(reader: ReaderSource, open: (link: PusherLink) => PusherSession): void {
    this.#attach(reader);
    this.#reader?.write(OPEN);
    this.#session = open(this);
    this.#options.slot.attach(this);
    this.#flush();
  }

  /** A further response; it counts as a message. `false`: somebody reads already, and is not known to have left. */
  resume(reader: ReaderSource): boolean {
    const before = this.#reader;
    if (before && !before.isExhausted) return false;
    if (!this.#closed && !this.#options.slot.takeMessage(this.#options.clock.nowMs())) this.end("rate_limited");
    this.#attach(reader);
    before?.cut();
    this.#flush();
    return true;
  }

  /** What the client sent in one request: any number of messages; none is its heartbeat. */
  receive(messages: readonly string[]): void {
    for (let count = Math.max(1, messages.length); count > 0 && !this.#closed; count -= 1) {
      if (!this.#options.slot.takeMessage(this.#options.clock.nowMs())) this.end("rate_limited");
    }
    if (this.#closed) return;
    if (messages.length === 0) this.#hear();
    for (const text of messages) {
      if (Buffer.byteLength(text) > this.#options.limits.messageBytes) this.end("payload_too_large");
      this.#handled = this.#handled.then(() => this.#handle(text));
    }
  }

  send(message: Outgoing): void {
    if (this.#closed) return;
    if (this.#waiting.length === 0) queueMicrotask(() => this.#flush());
    this.#waiting.push(message);
    this.#waitingBytes += message.quotedBytes;
    if (this.#unsentBytes > this.#options.limits.bufferedBytes) this.end("slow_consumer");
  }

  serve(merchantId: string): void {
    this.#options.slot.serve(merchantId);
  }

  writable(): Promise<void> {
    this.#flush();
    if (this.#isWritable) return Promise.resolve();
    return new Promise((resolve) => this.#onWritable.push(resolve));
  }

  end(code: ErrorCode): void {
    if (this.#closed) return;
    const { slot, limits } = this.#options;
    slot.countEnd(code);
    // What a slow client did not take so far, it would not take now.
    if (code === "slow_consumer") this.#forget();
    this.#closed = true;
    this.#closing = closeLine(closingOf(code));
    this.#cutOff = setTimeout(() => this.#leave(), limits.closeTimeoutMs);
    this.#session?.close();
    this.#flush();
  }

  beat(nowMs: number): void {
    if (this.#closed) return;
    const { slot, limits } = this.#options;
    if (!this.#reader) {
      if (nowMs - this.#unreadSinceMs < limits.pusherSessionTimeoutMs) return;
      slot.countEnd("idle_timeout");
      this.#leave();
    } else if (nowMs - this.#wroteAtMs >= limits.pingIntervalMs) {
      if (this.#heartbeatUnanswered) this.end("idle_timeout");
      else this.#sendHeartbeat(this.#reader, nowMs);
    }
  }

  get #unsentBytes(): number {
    return this.#waitingBytes + (this.#reader?.waitingBytes ?? 0);
  }

  get #isWritable(): boolean {
    return this.#closed || this.#unsentBytes <= this.#options.limits.bufferedBytes / 4;
  }

  #attach(source: ReaderSource): void {
    const reader: FallbackReader = new FallbackReader(source.response, source.isStream, {
      onDrain: () => this.#wake(),
      onGone: () => this.#readerGone(reader),
    });
    this.#reader = reader;
    this.#wroteAtMs = this.#options.clock.nowMs();
    this.#heartbeatUnanswered = false;
  }

  #sendHeartbeat(reader: FallbackReader, nowMs: number): void {
    reader.write(HEARTBEAT);
    this.#wroteAtMs = nowMs;
    // Who polls answers by the next poll.
    this.#heartbeatUnanswered = reader.isStream;
    this.#flush();
  }

  /** `[]`: the answer to a heartbeat, or the client asks whether anybody is there. */
  #hear(): void {
    if (!this.#heartbeatUnanswered) this.#owesActivity = true;
    this.#heartbeatUnanswered = false;
    this.#flush();
  }

  async #handle(text: string): Promise<void> {
    this.#heartbeatUnanswered = false;
    if (this.#closed) return;
    try {
      await this.#session?.onMessage(text);
    } catch (error) {
      this.#options.onError(error);
      this.end("internal_error");
    }
  }

  #flush(): void {
    const reader = this.#reader;
    if (!reader) return;
    while (this.#waiting.length > 0 && !reader.isExhausted) this.#writeLine(reader);
    if (this.#owesActivity && !reader.isExhausted) {
      this.#owesActivity = false;
      reader.write(ACTIVITY);
    }
    if (this.#closing !== null && this.#waiting.length === 0 && !reader.isExhausted) {
      reader.write(this.#closing);
      this.#closing = null;
      // Nothing is left of it once this response is over.
      reader.finish();
    } else if (reader.hasText) {
      this.#reader = null;
      this.#unreadSinceMs = this.#options.clock.nowMs();
      reader.finish();
    }
    this.#wake();
  }

  #writeLine(reader: FallbackReader): void {
    let line = "";
    let count = 0;
    for (const { quoted, quotedBytes } of this.#waiting) {
      if (count > 0 && line.length + quoted.length > LINE_UNITS) break;
      line += count === 0 ? quoted : `,${quoted}`;
      this.#waitingBytes -= quotedBytes;
      count += 1;
    }
    this.#waiting.splice(0, count);
    this.#wroteAtMs = this.#options.clock.nowMs();
    reader.write(`a[${line}]\n`);
  }

  #readerGone(reader: FallbackReader): void {
    if (this.#reader !== reader) return;
    this.#reader = null;
    this.#unreadSinceMs = this.#options.clock.nowMs();
    // A client leaves a response only when it has read enough of it, or for good.
    const comesBack = reader.isExhausted && (!this.#closed || this.#closing !== null);
    if (!comesBack) this.#leave();
  }

  /** Nobody is there any more, or has had time enough. */
  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#closed = true;
    if (this.#cutOff) clearTimeout(this.#cutOff);
    this.#forget();
    this.#reader?.cut();
    this.#session?.close();
    this.#wake();
    this.#options.slot.release();
    this.#options.onGone();
  }

  #forget(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #wake(): void {
    if (!this.#isWritable) return;
    for (const resolve of this.#onWritable.splice(0)) resolve();
  }
}

/** A response that nothing was written to. */
export interface ReaderSource {
  response: ConstructorParameters<typeof FallbackReader>[0];
  isStream: boolean;
}

/** All that a client gets that is never let in: it reads a close code only after the opening. */
export function refusalLines(closing: Closing): string {
  return OPEN + closeLine(closing);
}

function closeLine({ closeCode, reason }: Closing): string {
  return `c${JSON.stringify([closeCode, reason])}\n`;
}
