/** A client of identiPay's document: its WebSocket as the section on connection errors has it, which comes back where the
 * close was not clean, and its server-sent events. Each notes what it was told, connection by connection. */
import { EventSource } from "eventsource";
import { WebSocket } from "ws";

export interface IdentipayMessage {
  type: string;
  transactionId: string;
  status: string;
  suiTxDigest: string | null;
}

export interface IdentipayClient {
  readonly connections: readonly (readonly IdentipayMessage[])[];
  stop(): void;
}

/** The document has 5,000. */
const RECONNECT_MS = 50;

export class IdentipaySocket implements IdentipayClient {
  readonly connections: IdentipayMessage[][] = [];
  readonly #url: string;
  #socket: WebSocket | null = null;
  #stopped = false;

  constructor(wsUrl: string, transactionId: string) {
    this.#url = `${wsUrl}/ws/transactions/${transactionId}`;
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.terminate();
  }

  #connect(): void {
    if (this.#stopped) return;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    const told: IdentipayMessage[] = [];
    socket.onopen = () => this.connections.push(told);
    socket.onmessage = ({ data }) => told.push(JSON.parse(String(data)) as IdentipayMessage);
    // A refused connection is an error and then a close.
    socket.onerror = () => undefined;
    socket.onclose = ({ wasClean }) => {
      if (!wasClean) setTimeout(() => this.#connect(), RECONNECT_MS);
    };
  }
}

export class IdentipayStream implements IdentipayClient {
  readonly connections: IdentipayMessage[][] = [];
  readonly #source: EventSource;

  constructor(url: string, transactionId: string) {
    this.#source = new EventSource(`${url}/sse/transactions/${transactionId}`);
    this.#source.onopen = () => this.connections.push([]);
    this.#source.onmessage = ({ data }) => this.connections.at(-1)?.push(JSON.parse(data) as IdentipayMessage);
  }

  stop(): void {
    this.#source.close();
  }
}
