/**
 * Every open connection of this process, whatever its transport: WebSocket, SSE, long-polling. One place for the
 * limits on their number (those of one merchant and of one address over all nodes), for the beat that notices dead ones, for the counters, and for the drain.
 */
import type { ErrorCode } from "@paybell/protocol";
import type { Clock } from "../kit/clock.ts";
import { PaybellError } from "../kit/errors.ts";
import type { Limits } from "../kit/limits.ts";
import { ALONE, type SharedCounts } from "../kit/node-counts.ts";
import { addressGroup } from "./client-address.ts";
import { MessageRate } from "./message-rate.ts";
import { dueNow } from "./pace.ts";

/** What a transport registers of each connection. */
export interface OpenConnection {
  /** Tell the client why, as its transport allows, and close; gone within `closeTimeoutMs`. Harmless if repeated. */
  end(code: ErrorCode): void;
  /** Called every few seconds: send what is due, notice that nobody is there any more. */
  beat(nowMs: number): void;
}

/** A connection's place under the limits. */
export interface Slot {
  /** From now on it is beaten and drained. */
  attach(connection: OpenConnection): void;
  /**
   * It serves this merchant from now on; several are possible, and each is counted once. Whoever is refused is counted.
   * @throws PaybellError too_many_connections when he has as many as he may have
   */
  serve(merchantId: string): void;
  /** A message of its came; `false`: more than it, or all of its address together, may send. */
  takeMessage(nowMs: number): boolean;
  /** The server ended it, for this reason: counted. */
  countEnd(code: ErrorCode): void;
  /** The connection is gone. Harmless if repeated. */
  release(): void;
}

/** Plain numbers, for metrics. */
export interface ConnectionCounters {
  /** Open now, by protocol. */
  open: Readonly<Record<string, number>>;
  /** Never accepted, by reason, since the start. */
  refused: Readonly<Record<string, number>>;
  /** Ended by the server, by reason, since the start; `slow_consumer` are the dropped consumers. */
  ended: Readonly<Record<string, number>>;
}

export interface ConnectionsOptions {
  limits: Pick<
    Limits,
    | "connections"
    | "connectionsPerAddress"
    | "connectionsPerMerchant"
    | "messagesPerSecond"
    | "messagesPerSecondPerAddress"
    | "pingIntervalMs"
    | "idleTimeoutMs"
    | "closeTimeoutMs"
  >;
  clock: Clock;
  /** What other nodes have; left out: there are none. */
  counts?: SharedCounts;
  /** A connection's beat or end threw: the others go on, the operator is told. */
  onError: (error: unknown) => void;
}

/** The connections of one address. */
interface Group {
  connections: number;
  readonly rate: MessageRate;
}

/** Steps in which a drain ends connections. */
const DRAIN_STEP_MS = 20;
/** What a drain allows beyond `closeTimeoutMs`, which every transport keeps by itself. */
export const DRAIN_GRACE_MS = 500;
const NOBODY: readonly string[] = [];
/** Every beat asks whether a stream's key is still good: a revocation is in force within a few seconds. */
const BEAT_MS = { min: 50, max: 2_000 };

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #counts: SharedCounts;
  readonly #attached = new Set<OpenConnection>();
  readonly #groups = new Map<string, Group>();
  readonly #perMerchant = new Map<string, number>();
  readonly #open = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #ended = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #total = 0;
  #draining = false;
  /** Clients that the drain has still to tell. */
  #untold: OpenConnection[] = [];
  #onEmpty: (() => void) | null = null;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#counts = options.counts ?? ALONE;
    this.#counts.count("connectionsPerMerchant", () => this.#perMerchant);
    this.#counts.count("connectionsPerAddress", () => this.#perAddress());
    const { pingIntervalMs, idleTimeoutMs } = options.limits;
    const beatMs = Math.min(pingIntervalMs, idleTimeoutMs) / 6;
    this.#timer = setInterval(() => this.beat(), Math.min(BEAT_MS.max, Math.max(BEAT_MS.min, beatMs)));
    this.#timer.unref();
  }

  /** Open connections, those being accepted included. */
  get total(): number {
    return this.#total;
  }

  get counters(): ConnectionCounters {
    return {
      open: Object.fromEntries(this.#open),
      refused: Object.fromEntries(this.#refused),
      ended: Object.fromEntries(this.#ended),
    };
  }

  /**
   * A place for one more connection.
   * @param remoteAddress `null` where it is not known: then only the total is limited.
   * @throws PaybellError too_many_connections; shutting_down during a drain
   */
  admit(protocol: string, remoteAddress: string | null): Slot {
    const name = remoteAddress === null ? null : addressGroup(remoteAddress);
    const refusal = this.#refusal(name);
    if (refusal) {
      this.countRefusal(refusal.code);
      throw refusal;
    }
    this.#total += 1;
    add(this.#open, protocol, 1);
    return this.#slot(protocol, name);
  }

  /**
   * As `admit`, of a connection that serves one merchant for all its life; `null`: whom, is not known yet.
   * @throws PaybellError too_many_connections, shutting_down: no place was taken
   */
  admitFor(merchantId: string | null, protocol: string, remoteAddress: string | null): Slot {
    const slot = this.admit(protocol, remoteAddress);
    try {
      if (merchantId !== null) slot.serve(merchantId);
      return slot;
    } catch (error) {
      slot.release();
      throw error;
    }
  }

  countRefusal(code: ErrorCode): void {
    add(this.#refused, code, 1);
  }

  /** Lets every connection do what is due. The timer calls it; tests call it with their own clock. */
  beat(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const connection of this.#attached) this.#attempt(() => connection.beat(nowMs));
  }

  /** Clients that a drain has still to tell that they should come back. */
  get untold(): number {
    return this.#untold.length;
  }

  /**
   * Accepts nobody from now on and ends all connections, spread over the time so that they do not all come back in the
   * same moment. Resolves when the last one is gone, and in any case soon after `closeTimeoutMs`: with how many were not
   * closed by then.
   */
  async drain({ withinMs }: { withinMs: number }): Promise<number> {
    this.#draining = true;
    this.#untold = [...this.#attached];
    const count = this.#untold.length;
    const startedMs = performance.now();
    while (this.#untold.length > 0) {
      const passedMs = performance.now() - startedMs;
      const told = count - this.#untold.length;
      const due = dueNow({ count, told, passedMs, withinMs, stepMs: DRAIN_STEP_MS });
      for (const connection of this.#untold.splice(0, due)) {
        // Who has left by himself meanwhile needs no telling.
        if (this.#attached.has(connection)) this.#attempt(() => connection.end("shutting_down"));
      }
      if (this.#untold.length > 0) await new Promise((resolve) => setTimeout(resolve, DRAIN_STEP_MS));
    }
    if (this.#total > 0) await this.#lastIsGone();
    clearInterval(this.#timer);
    return this.#total;
  }

  async #lastIsGone(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      timer = setTimeout(resolve, this.#options.limits.closeTimeoutMs + DRAIN_GRACE_MS);
    });
    clearTimeout(timer);
  }

  #refusal(group: string | null): PaybellError | null {
    const { connections, connectionsPerAddress } = this.#options.limits;
    if (this.#draining) return new PaybellError("shutting_down", "The server is being restarted: come back shortly.");
    if (this.#total >= connections) {
      return new PaybellError("too_many_connections", "The server has as many connections as it accepts.", {
        limit: "connections",
        value: connections,
      });
    }
    if (group !== null && this.#ofAddress(group) >= connectionsPerAddress) {
      return new PaybellError("too_many_connections", "Too many connections are open from this address.", {
        limit: "connectionsPerAddress",
        value: connectionsPerAddress,
      });
    }
    return null;
  }

  #admitTo(merchantId: string): void {
    const { connectionsPerMerchant } = this.#options.limits;
    const taken = (this.#perMerchant.get(merchantId) ?? 0) + this.#counts.others("connectionsPerMerchant", merchantId);
    if (taken >= connectionsPerMerchant) {
      this.countRefusal("too_many_connections");
      throw new PaybellError("too_many_connections", "Too many connections follow this merchant's payments.", {
        limit: "connectionsPerMerchant",
        value: connectionsPerMerchant,
      });
    }
    add(this.#perMerchant, merchantId, 1);
  }

  /** Over all nodes. */
  #ofAddress(group: string): number {
    return (this.#groups.get(group)?.connections ?? 0) + this.#counts.others("connectionsPerAddress", group);
  }

  *#perAddress(): Iterable<readonly [string, number]> {
    for (const [name, { connections }] of this.#groups) yield [name, connections];
  }

  #join(name: string, nowMs: number): Group {
    const perSecond = this.#options.limits.messagesPerSecondPerAddress;
    const group = this.#groups.get(name) ?? { connections: 0, rate: new MessageRate(perSecond, nowMs) };
    group.connections += 1;
    this.#groups.set(name, group);
    return group;
  }

  /** Keeps nothing of an address that has no connection: addresses come and go. */
  #leave(name: string, group: Group): void {
    group.connections -= 1;
    if (group.connections === 0) this.#groups.delete(name);
  }

  #slot(protocol: string, groupName: string | null): Slot {
    const { clock, limits } = this.#options;
    const group = groupName === null ? null : this.#join(groupName, clock.nowMs());
    const rate = new MessageRate(limits.messagesPerSecond, clock.nowMs());
    let attached: OpenConnection | null = null;
    let released = false;
    let served: readonly string[] = NOBODY;
    return {
      attach: (connection) => {
        attached = connection;
        this.#attached.add(connection);
        // Accepted in the moment in which the drain began.
        if (this.#draining) connection.end("shutting_down");
      },
      serve: (merchantId) => {
        if (released || served.includes(merchantId)) return;
        this.#admitTo(merchantId);
        served = [...served, merchantId];
      },
      takeMessage: (nowMs) => {
        if (!rate.take(nowMs)) return false;
        // Who floods from this address must not cost its neighbours there their connections.
        return group === null || group.rate.take(nowMs) || rate.isQuiet(nowMs);
      },
      countEnd: (code) => add(this.#ended, code, 1),
      release: () => {
        if (released) return;
        released = true;
        if (attached) this.#attached.delete(attached);
        this.#total -= 1;
        add(this.#open, protocol, -1);
        if (groupName !== null && group !== null) this.#leave(groupName, group);
        for (const merchantId of served) add(this.#perMerchant, merchantId, -1);
        if (this.#total === 0) this.#onEmpty?.();
      },
    };
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

/** Keeps no entry at zero: addresses come and go. */
function add(counts: Map<string, number>, key: string, by: number): void {
  const sum = (counts.get(key) ?? 0) + by;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
}
