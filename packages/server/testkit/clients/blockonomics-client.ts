/** A client of Blockonomics' document, as written there: one socket per address, reconnecting when it closes. */
import { WebSocket } from "ws";

export interface BlockonomicsMessage {
  status: number;
  timestamp: number;
  value: number;
  txid: string;
}

export class BlockonomicsClient {
  /** Everything that it was told, connection by connection. */
  readonly connections: BlockonomicsMessage[][] = [];
  readonly #url: string;
  #socket: WebSocket | null = null;
  #stopped = false;

  constructor(options: { wsUrl: string; address: string }) {
    this.#url = `${options.wsUrl}/payment/${options.address}`;
    this.#connect();
  }

  /** Over all its connections. */
  get told(): readonly BlockonomicsMessage[] {
    return this.connections.flat();
  }

  /** `status` of each message, those of one transaction only. */
  statusesOf(txId: string): number[] {
    return this.told.filter(({ txid }) => txid === txId).map(({ status }) => status);
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.terminate();
  }

  #connect(): void {
    if (this.#stopped) return;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    const told: BlockonomicsMessage[] = [];
    socket.on("open", () => this.connections.push(told));
    socket.on("message", (data) => told.push(JSON.parse(String(data)) as BlockonomicsMessage));
    // A refused connection is an error and then a close; the close brings it back.
    socket.on("error", () => undefined);
    socket.on("close", () => setTimeout(() => this.#connect(), 50));
  }
}
