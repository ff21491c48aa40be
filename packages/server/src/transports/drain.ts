/**
 * How a server leaves without anybody missing anything, from the signal to the last byte:
 *
 * 1. notice: `/readyz` says `stopping`, and everything goes on as before, until whoever distributes clients has seen it;
 * 2. telling: clients are told to come back, each protocol in its own way, spread over `spreadMs`. Nobody new is let in.
 *    Without a notice the port is closed at once: whoever comes finds another process sooner if he is not even answered.
 *    With one, nobody new is sent here, and the port stays open for the next requests of those that have a session;
 * 3. finishing: requests that are under way are answered, and connections that nobody uses are closed;
 * 4. what is left after `closeTimeoutMs` and a little is cut, and said.
 *
 * Source: DESIGN.md, "One machine and many".
 */
import type { Server as HttpServer } from "node:http";
import { Server as NetServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectionCounters, type Connections, DRAIN_GRACE_MS } from "./connections.ts";
import type { SocketGate } from "./socket-gate.ts";

export interface DrainOptions {
  server: HttpServer;
  connections: Pick<Connections, "drain" | "untold" | "total" | "counters">;
  gate: Pick<SocketGate, "total" | "cutPending">;
  /** How long a load balancer needs to notice. */
  noticeMs: number;
  /** Clients are told over so long. */
  spreadMs: number;
  /** The limit of that name. */
  closeTimeoutMs: number;
  /** Has other nodes forget what counts here, before the first client is told: he finds his place there. Must not reject. */
  forget?: () => Promise<void>;
  /** Clients that did not leave in time; they are cut now. */
  onCut(cut: Cut): void;
}

export interface Cut {
  /** Of clients, by protocol. */
  connections: ConnectionCounters["open"];
  /** TCP connections, those of clients included: the others had a request under way, or half sent. */
  sockets: number;
}

/** Where a drain stands. */
export interface DrainProgress {
  phase: "serving" | "notice" | "telling" | "finishing" | "ended";
  /** Clients that have still to be told. */
  untold: number;
  /** Clients that are still connected. */
  connections: number;
  /** TCP connections. */
  sockets: number;
}

/** How long nobody is told anything because other nodes cannot be reached. */
const FORGET_MS = 500;
/** How often it is looked whether the last connection is gone. */
const LOOK_MS = 20;
/** Whoever has not sent a whole request head so long after all clients were told has no request under way. */
const HEAD_MS = 1_000;

/** The longest that a drain can take. */
export function drainBoundMs(timings: Pick<DrainOptions, "noticeMs" | "spreadMs" | "closeTimeoutMs">): number {
  return Math.max(timings.noticeMs, FORGET_MS) + timings.spreadMs + timings.closeTimeoutMs + DRAIN_GRACE_MS;
}

export class Drain {
  readonly #options: DrainOptions;
  #phase: DrainProgress["phase"] = "serving";
  #running: Promise<void> | null = null;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** From the signal on: no new clients should be sent here. */
  get isStopping(): boolean {
    return this.#phase !== "serving";
  }

  /** From the end of the notice on: whoever is answered should come back on another connection. */
  get isLeaving(): boolean {
    return this.isStopping && this.#phase !== "notice";
  }

  get progress(): DrainProgress {
    const { connections, gate } = this.#options;
    const { untold, total } = connections;
    return { phase: this.#phase, untold, connections: total, sockets: gate.total };
  }

  /** Resolves when no connection is left, within `drainBoundMs`. Harmless if repeated. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    const { server, connections, noticeMs, spreadMs, forget } = this.#options;
    this.#phase = "notice";
    const forgotten = forget && Promise.race([forget(), sleep(FORGET_MS, undefined, { ref: false })]);
    if (noticeMs > 0 && server.listening) await sleep(noticeMs);
    await forgotten;
    this.#phase = "telling";
    let allClosed = noticeMs > 0 ? null : this.#stopListening();
    const drained = connections.drain({ withinMs: spreadMs });
    while (connections.untold > 0) await sleep(LOOK_MS);
    this.#phase = "finishing";
    const toldAtMs = performance.now();
    await drained;
    allClosed ??= this.#stopListening();
    await this.#finish(allClosed, toldAtMs);
    this.#phase = "ended";
  }

  /** Takes no new connections. Not HTTP's own `close`: that would at once cut connections on which a client may be sending
   * its next request, and no longer end those that are too slow. */
  #stopListening(): Promise<void> {
    const { server } = this.#options;
    return new Promise((resolve) => {
      server.once("close", () => resolve());
      NetServer.prototype.close.call(server);
    });
  }

  async #finish(allClosed: Promise<void>, toldAtMs: number): Promise<void> {
    const { server, gate, closeTimeoutMs } = this.#options;
    let isClosed = false;
    const closed = allClosed.then(() => {
      isClosed = true;
    });
    for (;;) {
      const passedMs = performance.now() - toldAtMs;
      server.closeIdleConnections();
      gate.cutPending({ silentOnly: passedMs < HEAD_MS });
      await Promise.race([closed, sleep(LOOK_MS)]);
      if (isClosed) return;
      if (passedMs >= closeTimeoutMs + DRAIN_GRACE_MS) break;
    }
    this.#cut();
  }

  #cut(): void {
    const { server, connections, gate, onCut } = this.#options;
    onCut({ connections: connections.counters.open, sockets: gate.total });
    server.closeAllConnections();
  }
}
