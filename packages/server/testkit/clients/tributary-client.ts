/** A client as Tributary's document writes it, that notes what it is told. */
import { until } from "../until.ts";
import { type ClientOptions, SocketIoClient } from "./socketio.ts";

export interface TributaryMessage {
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to be there.
  data: any;
  timestamp: number;
}

export class TributaryClient {
  readonly io: SocketIoClient;

  constructor(url: string, options: ClientOptions = {}, version?: string) {
    this.io = new SocketIoClient(url, { path: "/ws/v1", transports: ["websocket"], ...options }, version);
  }

  static async open(url: string, options: ClientOptions = {}, version?: string): Promise<TributaryClient> {
    const client = new TributaryClient(url, options, version);
    await client.io.connected();
    return client;
  }

  /** Whole messages of one event, in order. */
  messages(event: "payment" | "ack" | "error"): readonly TributaryMessage[] {
    return this.io.events.filter(([name]) => name === event).map(([, message]) => message as TributaryMessage);
  }

  get payments(): readonly TributaryMessage["data"][] {
    return this.messages("payment").map(({ data }) => data);
  }

  get signatures(): readonly string[] {
    return this.payments.map(({ signature }) => signature);
  }

  get acks(): readonly string[] {
    return this.messages("ack").map(({ data }) => data);
  }

  get errors(): readonly { code: string; message: string }[] {
    return this.messages("error").map(({ data }) => data);
  }

  /** Resolves with the answer: an ack's text, or an error's code. */
  subscribe(trackingId: unknown): Promise<string> {
    return this.send("subscribe", { trackingId });
  }

  unsubscribe(trackingId: unknown): Promise<string> {
    return this.send("unsubscribe", { trackingId });
  }

  /** Emits, and resolves with the next answer, whatever it answers. */
  async send(event: string, ...args: unknown[]): Promise<string> {
    const answers = () => this.io.events.filter(([name]) => name === "ack" || name === "error");
    const before = answers().length;
    this.io.socket.emit(event, ...args);
    const [name, message] = await until(`the answer to ${event}`, () => answers()[before]);
    const { data } = message as TributaryMessage;
    return name === "ack" ? data : `${data.code}: ${data.message}`;
  }

  async paid(count: number): Promise<readonly TributaryMessage["data"][]> {
    await until(
      () => `${count} payments, after ${JSON.stringify(this.payments)}`,
      () => this.payments.length >= count,
    );
    return this.payments;
  }

  close(): void {
    this.io.close();
  }
}
