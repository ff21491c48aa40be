/** Bytes → lines with their numbers, and the checksum of those that were read. Never holds more than one line. */
import { createHash } from "node:crypto";
import { MovingError } from "./moving.ts";

export interface Line {
  /** From 1. */
  number: number;
  text: string;
}

const AGAIN = "Make the export again, and move it as it is.";
const NEWLINE = 0x0a;
/** No row is longer: requests that become rows are far smaller. */
const LONGEST_LINE_BYTES = 64 * 1_048_576;

export class Lines {
  readonly #file: string;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #hash = createHash("sha256");
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #rest: Buffer = Buffer.alloc(0);
  #at = 0;
  #number = 0;
  #last: Buffer | null = null;

  /** @param file its name, for people */
  constructor(file: string, chunks: AsyncIterable<Uint8Array>) {
    this.#file = file;
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** How many were read. */
  get number(): number {
    return this.#number;
  }

  /** SHA-256 of all lines before the last one that was read, in hex. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** `null`: there is none any more.
   * @throws MovingError: the file ends within a line, or it is no text */
  async next(): Promise<Line | null> {
    const bytes = await this.#take();
    if (!bytes) return null;
    if (this.#last) this.#hash.update(this.#last);
    this.#last = bytes;
    this.#number += 1;
    try {
      return { number: this.#number, text: this.#decoder.decode(bytes.subarray(0, -1)) };
    } catch {
      throw this.wrong("it holds bytes that are no UTF-8 text, so it was altered");
    }
  }

  /** What is wrong with the line that was read last.
   * @param hint left out: to make the export again */
  wrong(what: string, hint = AGAIN): MovingError {
    return this.wrongAt(Math.max(this.#number, 1), what, hint);
  }

  /** What is wrong with a line that was read before. */
  wrongAt(number: number, what: string, hint = AGAIN): MovingError {
    return new MovingError(`${this.#file}:${number}: ${what}. Nothing was imported.`, hint);
  }

  /** A line with its end. */
  async #take(): Promise<Buffer | null> {
    const pieces: Buffer[] = [];
    let length = 0;
    for (;;) {
      const end = this.#rest.indexOf(NEWLINE, this.#at);
      const piece = this.#rest.subarray(this.#at, end < 0 ? undefined : end + 1);
      if (piece.length > 0) pieces.push(piece);
      length += piece.length;
      if (length > LONGEST_LINE_BYTES) {
        this.#number += 1;
        throw this.wrong("the line is longer than any of an export");
      }
      if (end >= 0) {
        this.#at = end + 1;
        return pieces.length === 1 ? piece : Buffer.concat(pieces);
      }
      const chunk = await this.#nextChunk();
      if (chunk) {
        this.#rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        this.#at = 0;
      } else if (pieces.length === 0) {
        return null;
      } else {
        this.#number += 1;
        throw this.wrong("the file ends in the middle of a line: it was cut off");
      }
    }
  }

  async #nextChunk(): Promise<Uint8Array | null> {
    try {
      const { value, done } = await this.#chunks.next();
      return done === true ? null : value;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : null;
      if (code === "Z_BUF_ERROR") throw this.wrong("the compressed file ends too soon: it was cut off");
      if (typeof code === "string" && code.startsWith("Z_")) throw this.wrong("the compressed file is damaged");
      throw error;
    }
  }
}
