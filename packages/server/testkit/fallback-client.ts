/** pusher-js's HTTP fallback by hand, line by line. */
import { until } from "./until.ts";

export class FallbackClient {
  readonly lines: string[] = [];
  status = 0;
  /** The response is over. */
  ended = false;
  /** The server cut it in the middle. */
  broken = false;
  readonly #abort = new AbortController();
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Reads one response to its end, or until `leave`. */
  async read(action: "xhr" | "xhr_streaming", query = "?protocol=7"): Promise<void> {
    this.ended = false;
    try {
      const response = await fetch(`${this.#url}/${action}${query}`, { method: "POST", signal: this.#abort.signal });
      this.status = response.status;
      let rest = "";
      for await (const text of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        this.lines.push(...parts);
      }
    } catch {
      // Whoever expects an end in good order looks here.
      this.broken = !this.#abort.signal.aborted;
    } finally {
      this.ended = true;
    }
  }

  async send(...messages: readonly unknown[]): Promise<number> {
    const body = JSON.stringify(messages.map((message) => JSON.stringify(message)));
    return this.sendRaw(body);
  }

  async sendRaw(body: string): Promise<number> {
    const headers = { "content-type": "application/json" };
    return (await fetch(`${this.#url}/xhr_send`, { method: "POST", body, headers })).status;
  }

  leave(): void {
    this.#abort.abort();
  }

  /** What the lines carried, as JSON. */
  get messages(): Record<string, unknown>[] {
    return this.lines
      .filter((line) => line.startsWith("a"))
      .flatMap((line) => JSON.parse(line.slice(1)) as string[])
      .map((text) => JSON.parse(text) as Record<string, unknown>);
  }

  async heard(event: string): Promise<void> {
    await until(
      () => `${event} in ${this.lines.join(" ").slice(0, 1_000)}`,
      () => this.messages.some((message) => message.event === event),
    );
  }
}
