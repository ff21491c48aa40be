/**
 * Clients that follow the log by a cursor and come back by themselves, as a careful integrator would write them. Each
 * keeps everything that it was ever told, so that a test can compare it with the log.
 */
import { setTimeout as delay } from "node:timers/promises";
import { ERRORS, type PaymentEvent, type StreamMessage } from "@paybell/protocol";
import { EventSource } from "eventsource";
import { WebSocket } from "ws";

export interface CursorClient {
  /** Every event that it was told, in the order in which it was told. */
  readonly told: readonly PaymentEvent[];
  /** Connections that it has made. */
  readonly connections: number;
  /** Ends the present connection, as a network would; the client comes back. */
  cut(): void;
  stop(): Promise<void>;
}

/** Pause before a client comes back, ms. */
const PAUSE_MS = 40;

/** Native WebSocket on one topic. Begins at `after`, or at the beginning of the log. */
export class StreamClient implements CursorClient {
  readonly told: PaymentEvent[] = [];
  readonly errors: string[] = [];
  connections = 0;
  readonly #url: string;
  readonly #key: string | null;
  readonly #topic: string;
  #after: string;
  #socket: WebSocket | null = null;
  #stopped = false;

  constructor(options: { wsUrl: string; key: string | null; topic: string; after: string }) {
    this.#url = `${options.wsUrl}/v1/stream`;
    this.#key = options.key;
    this.#topic = options.topic;
    this.#after = options.after;
    this.#connect();
  }

  cut(): void {
    this.#socket?.terminate();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#socket?.terminate();
  }

  #connect(): void {
    if (this.#stopped) return;
    const headers = this.#key === null ? {} : { authorization: `Bearer ${this.#key}` };
    const socket = new WebSocket(this.#url, { headers, handshakeTimeout: 5_000 });
    this.#socket = socket;
    socket.on("open", () => {
      this.connections += 1;
      socket.send(JSON.stringify({ type: "subscribe", topic: this.#topic, after: this.#after }));
    });
    socket.on("message", (data) => this.#receive(JSON.parse(String(data)) as StreamMessage));
    // A refused connection is an error and then a close; the close brings it back.
    socket.on("error", () => undefined);
    socket.on("close", () => setTimeout(() => this.#connect(), PAUSE_MS));
  }

  #receive(message: StreamMessage): void {
    if (message.type === "error") {
      this.errors.push(`${message.code}: ${message.message}`);
      // It follows nothing: another try, perhaps at another node.
      if (ERRORS[message.code].retryable) this.#socket?.terminate();
    }
    if (message.type !== "event") return;
    this.told.push(message.event);
    this.#after = message.event.position;
  }
}

/** SSE of one payment; the browser's own `EventSource` rules bring it back with `Last-Event-ID`. */
export class SseClient implements CursorClient {
  readonly told: PaymentEvent[] = [];
  connections = 0;
  readonly #source: EventSource;
  #abort = new AbortController();

  constructor(options: { url: string; paymentId: string }) {
    this.#source = new EventSource(`${options.url}/v1/payments/${options.paymentId}/events`, {
      fetch: (input, init) => {
        this.#abort = new AbortController();
        const signal = AbortSignal.any([this.#abort.signal, ...(init.signal ? [init.signal] : [])]);
        return fetch(input, { ...init, signal });
      },
    });
    this.#source.onopen = () => {
      this.connections += 1;
    };
    this.#source.onmessage = (message) => {
      const body = JSON.parse(message.data) as PaymentEvent;
      if (message.lastEventId !== "") this.told.push(body);
    };
  }

  cut(): void {
    // As a network failure: an AbortError would mean that the program itself has closed it, for good.
    this.#abort.abort(new TypeError("the line was cut"));
  }

  async stop(): Promise<void> {
    this.#source.close();
  }
}

/** Long-polling of all of a merchant's events. */
export class PollingClient implements CursorClient {
  readonly told: PaymentEvent[] = [];
  connections = 0;
  readonly #running: Promise<void>;
  #abort = new AbortController();
  #stopped = false;

  constructor(options: { url: string; key: string; after: string; paymentId?: string }) {
    this.#running = this.#run(options);
  }

  cut(): void {
    this.#abort.abort();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#abort.abort();
    await this.#running;
  }

  async #run(options: { url: string; key: string; after: string; paymentId?: string }): Promise<void> {
    const query = new URLSearchParams({ after: options.after, limit: "100", waitMs: "1000" });
    if (options.paymentId) query.set("paymentId", options.paymentId);
    while (!this.#stopped) {
      this.#abort = new AbortController();
      try {
        const answer = await fetch(`${options.url}/v1/events?${query}`, {
          headers: { authorization: `Bearer ${options.key}` },
          signal: this.#abort.signal,
        });
        const page = (await answer.json()) as { events: PaymentEvent[]; next: string };
        if (!answer.ok) throw new Error(JSON.stringify(page));
        this.connections += 1;
        this.told.push(...page.events);
        query.set("after", page.next);
      } catch {
        // The server is down, or the test cut the line: come back with the same cursor.
        await delay(PAUSE_MS);
      }
    }
  }
}
