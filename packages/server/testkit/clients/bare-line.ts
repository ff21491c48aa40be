/** A bare TCP connection, for clients that send their requests in pieces, keep their line, or do not read. */
import { connect, type Socket } from "node:net";
import { until } from "../until.ts";
import { parseAnswers, type RawAnswer } from "./raw-http.ts";

export class BareLine {
  readonly socket: Socket;
  /** Resolves when it is gone. */
  readonly closed: Promise<void>;
  #received = "";
  #isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes) => {
      this.#received += bytes.toString("latin1");
    });
    // A reset is an end like any other: `close` follows it.
    socket.on("error", () => socket.destroy());
    this.closed = new Promise((resolve) =>
      socket.once("close", () => {
        this.#isClosed = true;
        resolve();
      }),
    );
  }

  /** `null`: the port is closed. */
  static async open(port: number): Promise<BareLine | null> {
    const line = new BareLine(connect(port, "127.0.0.1"));
    const isOpen = await Promise.race([
      new Promise<boolean>((resolve) => line.socket.once("connect", () => resolve(true))),
      line.closed.then(() => false),
    ]);
    return isOpen ? line : null;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Everything that came. */
  get received(): string {
    return this.#received;
  }

  write(text: string): void {
    this.socket.write(text);
  }

  /** Resolves with the answer to the next request that is written: the whole of it, where its length is known. */
  async ask(text: string): Promise<RawAnswer> {
    const before = this.#received.length;
    this.write(text);
    return until(
      () => `an answer, after ${this.#received.slice(before)}`,
      () => {
        const [answer] = parseAnswers(this.#received.slice(before));
        const length = Number(answer?.headers["content-length"] ?? 0);
        return answer && Buffer.byteLength(answer.body) >= length ? answer : null;
      },
    );
  }
}

/** A request with its `Host`, and its body where it has one. */
export function requestText(method: string, path: string, headers: readonly string[] = [], body = ""): string {
  const lines = [`${method} ${path} HTTP/1.1`, "Host: 127.0.0.1", ...headers];
  if (body !== "") lines.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`);
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
