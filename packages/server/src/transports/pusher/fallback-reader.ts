/**
 * One response of pusher-js's HTTP fallback, as lines: `o` open, `a[…]` messages, `h` heartbeat, `c[code,"reason"]`.
 * A streamed response goes on until the client has read more than 256 KB and asks for another one; a polled one ends
 * with the first lines.
 * Source: pusher-js, `http_socket.ts` and `http_request.ts`.
 */
import type { ServerResponse } from "node:http";

/** A client that has read more characters (UTF-16 units) than this, up to the end of a line, drops the response and asks
 * for another one. What was written after that line would be lost. */
const CLIENT_READS = 256 * 1024;

/** Any page may read it: what it needs is in the path, and no cookies count. `nosniff`: browsers would hold back the
 * first kilobyte to guess what it is. */
export const FALLBACK_HEADERS = {
  "Access-Control-Allow-Origin": "*",
  "Cache-Control": "no-store, no-transform",
  "Content-Type": "text/plain; charset=utf-8",
  "X-Accel-Buffering": "no",
  "X-Content-Type-Options": "nosniff",
} as const;

export interface ReaderEvents {
  /** What was written has been taken by the system. */
  onDrain(): void;
  /** The response is over, whoever ended it. */
  onGone(): void;
}

export class FallbackReader {
  readonly isStream: boolean;
  readonly #response: ServerResponse;
  #units = 0;
  /** Of a polled response, until it ends. */
  #text = "";

  constructor(response: ServerResponse, isStream: boolean, { onDrain, onGone }: ReaderEvents) {
    this.#response = response;
    this.isStream = isStream;
    response.on("drain", onDrain);
    response.once("close", onGone);
    // Reset by the client: `close` follows, and there is nobody to tell.
    response.on("error", () => undefined);
    response.writeHead(200, FALLBACK_HEADERS);
    if (isStream) response.flushHeaders();
  }

  /** The client asks for another response once it has read what was written: this one takes no more. */
  get isExhausted(): boolean {
    return this.isStream && this.#units > CLIENT_READS;
  }

  get waitingBytes(): number {
    return this.#response.writableLength;
  }

  /** Something is to be sent by `finish`. */
  get hasText(): boolean {
    return this.#text !== "";
  }

  write(line: string): void {
    if (!this.isStream) {
      this.#text += line;
      return;
    }
    this.#units += line.length;
    this.#response.write(line);
  }

  finish(): void {
    this.#response.end(this.#text);
  }

  cut(): void {
    this.#response.destroy();
  }
}
