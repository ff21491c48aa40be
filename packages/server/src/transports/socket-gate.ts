/**
 * TCP connections before anything is known of them: a client that opens thousands and sends nothing takes neither all
 * descriptors of the process nor the places of others. What becomes of the ones that are let in, the HTTP server's own
 * timeouts say (`http-server.ts`).
 */
import type { IncomingMessage } from "node:http";
import type { Server, Socket } from "node:net";
import { PaybellError } from "../kit/errors.ts";
import type { Limits } from "../kit/limits.ts";
import { addressGroup, type TrustedProxies } from "./client-address.ts";
import { refuseSocket } from "./refuse-socket.ts";

export interface SocketGateOptions {
  limits: Pick<Limits, "sockets" | "socketsPerAddress" | "pendingHandshakes">;
  /** Files that the process may open, sockets included; `null`: not known. */
  descriptors: number | null;
  /** Behind a proxy there are many clients: only the total counts for it. */
  proxies: Pick<TrustedProxies, "isProxy">;
  /** `false` where TLS is spoken: nobody would understand an answer before the handshake. */
  plain: boolean;
  onRefused: () => void;
}

type GateLimit = "sockets" | "socketsPerAddress";

/** Descriptors that stay free for the database, its threads, chains and logs. */
export const RESERVED_DESCRIPTORS = 128;

export class SocketGate {
  readonly #options: SocketGateOptions;
  readonly #most: number;
  /** Made once: a flood is refused by the thousand. */
  readonly #refusals: Readonly<Record<GateLimit, PaybellError>>;
  readonly #perGroup = new Map<string, number>();
  /** Without a complete request head so far, by address and port: the oldest first. */
  readonly #pending = new Map<string, Socket>();
  #total = 0;

  constructor(options: SocketGateOptions) {
    const { limits, descriptors } = options;
    this.#options = options;
    this.#most = Math.min(limits.sockets, Math.max(1, (descriptors ?? Infinity) - RESERVED_DESCRIPTORS));
    this.#refusals = {
      sockets: full("The server has", "sockets", this.#most),
      socketsPerAddress: full("Your address has", "socketsPerAddress", limits.socketsPerAddress),
    };
  }

  /** Open connections. */
  get total(): number {
    return this.#total;
  }

  /** @param server of HTTP, with or without TLS */
  guard(server: Server): void {
    const hasCome = ({ socket }: IncomingMessage) => this.#pending.delete(peerOf(socket));
    server.on("connection", (socket: Socket) => this.#admit(socket));
    server.on("request", hasCome);
    server.on("upgrade", hasCome);
  }

  /** Ends connections on which no request has begun, for a server that is about to leave. `silentOnly`: only those on
   * which nothing at all has come. */
  cutPending({ silentOnly }: { silentOnly: boolean }): void {
    for (const socket of this.#pending.values()) {
      if (!silentOnly || socket.bytesRead === 0) socket.destroy();
    }
  }

  #admit(socket: Socket): void {
    const { limits, proxies } = this.#options;
    const { remoteAddress } = socket;
    // Gone before it was looked at.
    if (remoteAddress === undefined) return;
    const group = proxies.isProxy(remoteAddress) ? null : addressGroup(remoteAddress);
    const ofGroup = group === null ? 0 : (this.#perGroup.get(group) ?? 0);
    if (this.#total >= this.#most) {
      this.#refuse(socket, "sockets");
      return;
    }
    if (ofGroup >= limits.socketsPerAddress) {
      this.#refuse(socket, "socketsPerAddress");
      return;
    }
    this.#total += 1;
    if (group !== null) this.#perGroup.set(group, ofGroup + 1);
    const peer = peerOf(socket);
    socket.once("close", () => this.#release(group, peer));
    this.#await(peer, socket);
  }

  #await(peer: string, socket: Socket): void {
    this.#pending.set(peer, socket);
    if (this.#pending.size <= this.#options.limits.pendingHandshakes) return;
    const oldest = this.#pending.entries().next();
    if (oldest.done) return;
    const [itsPeer, late] = oldest.value;
    this.#pending.delete(itsPeer);
    this.#options.onRefused();
    late.destroy();
  }

  #release(group: string | null, peer: string): void {
    this.#total -= 1;
    this.#pending.delete(peer);
    if (group === null) return;
    const left = (this.#perGroup.get(group) ?? 0) - 1;
    // Keeps no entry at zero: addresses come and go.
    if (left > 0) this.#perGroup.set(group, left);
    else this.#perGroup.delete(group);
  }

  #refuse(socket: Socket, limit: GateLimit): void {
    this.#options.onRefused();
    if (this.#options.plain) refuseSocket(socket, this.#refusals[limit]);
    else socket.destroy();
  }
}

function full(whose: string, limit: GateLimit, value: number): PaybellError {
  return new PaybellError("too_many_connections", `${whose} as many connections as it may have.`, { limit, value });
}

/** The other end; the same below TLS as above it. */
function peerOf({ remoteAddress, remotePort }: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${remoteAddress} ${remotePort}`;
}
