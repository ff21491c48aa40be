/** A client as Crypto Shop's document writes it, that notes what it is told. */
import { until } from "../until.ts";
import { type ClientOptions, SocketIoClient } from "./socketio.ts";

/** What the library keeps to be known again. Its own fields: private, but sent on the wire as `auth.pid`, `auth.offset`. */
interface Remembered {
  _pid?: string;
  _lastOffset?: string;
}

export class CryptoShopClient {
  readonly io: SocketIoClient;

  constructor(url: string, options: ClientOptions = {}, version?: string) {
    this.io = new SocketIoClient(url, { transports: ["websocket"], ...options }, version);
  }

  /** Connected, and its user joined. */
  static async joined(url: string, userId: unknown, options: ClientOptions = {}, version?: string) {
    const client = new CryptoShopClient(url, options, version);
    await client.io.connected();
    client.join(userId);
    return client;
  }

  join(userId: unknown): void {
    this.io.socket.emit("join-user", userId);
  }

  /** What a session is known by; `null` in libraries that keep nothing. */
  get pid(): string | null {
    return (this.io.socket as unknown as Remembered)._pid ?? null;
  }

  get offset(): string | null {
    return (this.io.socket as unknown as Remembered)._lastOffset ?? null;
  }

  /** `name {…}` of each event, in order, without what travels behind the body. */
  get heard(): readonly string[] {
    return this.io.events.map(([name, body]) => `${name} ${JSON.stringify(body)}`);
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to be there.
  bodies(name: string): readonly any[] {
    return this.io.events.filter(([event]) => event === name).map(([, body]) => body);
  }

  get confirmed(): readonly string[] {
    return this.bodies("transaction:confirmed").map(({ orderId }) => orderId);
  }

  get errors(): readonly string[] {
    return this.bodies("error").map(({ code }) => code);
  }

  async hears(name: string, count = 1): Promise<void> {
    await until(
      () => `${count} × ${name} in ${JSON.stringify(this.io.events)}`,
      () => this.bodies(name).length >= count,
    );
  }

  /** Everything that was asked before was served: a wrong join is answered, and requests are served one by one. */
  async settled(): Promise<void> {
    const before = this.errors.length;
    this.io.socket.emit("join-user", "");
    await this.hears("error", before + 1);
  }

  /** The network goes, not the client. It comes back by itself. */
  async cutOff(): Promise<void> {
    const { connects } = this.io;
    this.io.socket.io.engine.close();
    await this.io.connected(connects + 1);
  }

  close(): void {
    this.io.close();
  }
}
