/**
 * The neighbours that nobody wants: clients that ask and never read, that send a byte now and then, and that open
 * connections by the thousand without ever saying what for.
 */
import { connect, type Socket } from "node:net";
import { handshake } from "../transport-server.ts";
import { frame } from "./raw-websocket.ts";

export interface NoiseOptions {
  port: number;
  key: string;
  /** A payment that may be followed by its id. */
  paymentId: string;
  /** Connections on which a request head begins and never ends, or on which nothing comes. */
  halfOpen: number;
  /** Local addresses that they come from, in turn. */
  addresses: readonly string[];
  /** Pause before one that was cut comes back, on average. */
  againMs: number;
  /** Pause between two bytes of those that send slowly. */
  byteEveryMs: number;
}

/** Half a handshake, and none at all. */
const HALVES = [handshake("/v1/stream").slice(0, 90), ""];
/** Under way at once, so that the system's queue of new connections is not what is tried. */
const CONNECTING = 200;
/** Pages that the deaf ones ask for. */
const ASKED = 200;

export class Noise {
  /** Half-open connections that the server has ended so far; each is opened anew. */
  cut = 0;
  readonly #options: NoiseOptions;
  readonly #sockets = new Set<Socket>();
  readonly #timers: NodeJS.Timeout[] = [];
  #stopped = false;

  private constructor(options: NoiseOptions) {
    this.#options = options;
  }

  /** Resolves when all of them are there. */
  static async start(options: NoiseOptions): Promise<Noise> {
    const noise = new Noise(options);
    noise.#neverRead();
    noise.#sendSlowly();
    for (let opened = 0; opened < options.halfOpen; opened += CONNECTING) {
      const now = Math.min(CONNECTING, options.halfOpen - opened);
      await Promise.all(Array.from({ length: now }, (_, place) => noise.#openHalf(opened + place)));
    }
    return noise;
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const socket of this.#sockets) socket.destroy();
  }

  async #openHalf(place: number): Promise<void> {
    const { addresses, againMs } = this.#options;
    const socket = this.#dial(addresses[place % addresses.length]);
    await new Promise<void>((resolve) => {
      socket.once("connect", resolve);
      socket.once("close", () => {
        resolve();
        if (this.#stopped) return;
        this.cut += 1;
        this.#timers.push(setTimeout(() => void this.#openHalf(place), againMs * (0.5 + Math.random())));
      });
    });
    socket.write(HALVES[place % HALVES.length] ?? "");
    // Whatever the server says is taken, and overheard.
    socket.resume();
  }

  /** On each wire one that asks for as much as it can and takes none of it. */
  #neverRead(): void {
    const { key, paymentId } = this.#options;
    const authorization = `Authorization: Bearer ${key}`;
    const subscribe = (topic: string) => frame({ payload: JSON.stringify({ type: "subscribe", topic }) });
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${authorization}\r\n\r\n`;
    const deaf = [
      [handshake("/v1/stream", [authorization]), subscribe("merchant:sandbox"), subscribe(`payment:${paymentId}`)],
      [handshake(`/ws/transactions/${paymentId}`)],
      [get(`/v1/payments/${paymentId}/events`)],
      [get("/v1/payments?limit=1000").repeat(ASKED)],
      [get("/v1/events?limit=1000").repeat(ASKED)],
    ];
    for (const sent of deaf) {
      const socket = this.#dial();
      socket.pause();
      for (const bytes of sent) socket.write(bytes);
    }
  }

  /** A head, a body and a WebSocket message, a byte at a time. */
  #sendSlowly(): void {
    const { key, byteEveryMs } = this.#options;
    const head = `POST /v1/payments HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\n`;
    const body = `${head}Content-Type: application/json\r\nContent-Length: 10000\r\n\r\n`;
    const slow: [atOnce: string, then: Buffer][] = [
      ["", Buffer.from(head)],
      [body, Buffer.alloc(10_000, 0x20)],
      [handshake("/v1/stream"), frame({ payload: " ".repeat(16_000) })],
    ];
    for (const [atOnce, then] of slow) {
      const socket = this.#dial();
      socket.resume();
      socket.write(atOnce);
      let sent = 0;
      const next = () => {
        if (socket.writable) socket.write(then.subarray(sent, ++sent));
      };
      this.#timers.push(setInterval(next, byteEveryMs));
    }
  }

  #dial(localAddress?: string): Socket {
    const { port } = this.#options;
    const socket = connect({ port, host: "127.0.0.1", ...(localAddress === undefined ? {} : { localAddress }) });
    this.#sockets.add(socket);
    // Being cut off is what is to be expected.
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }
}
