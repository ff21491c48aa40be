/**
 * Prometheus metrics. Labels are route patterns, event types and chain names: never an id, which would be a capability.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { WatcherStatus } from "../chains/watcher.ts";

/** Read at each scrape. */
export interface MetricsSources {
  /** Open WebSocket, SSE and long-polling connections. */
  connections(): number;
  /** Topics that somebody listens to. */
  topics(): number;
  /** The last log offset that was handed to listeners. */
  deliveredOffset(): number;
  chains(): readonly ({ chain: string } & WatcherStatus)[];
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #requestSeconds: Histogram<"method" | "route" | "status">;
  readonly #events: Counter<"type">;

  constructor(sources: MetricsSources) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requestSeconds = new Histogram({
      name: "paybell_http_request_duration_seconds",
      help: "Time from a complete request head to the end of the answer.",
      labelNames: ["method", "route", "status"],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
      registers,
    });
    this.#events = new Counter({
      name: "paybell_events_total",
      help: "Events that this process wrote to the log.",
      labelNames: ["type"],
      registers,
    });
    gauge(registers, "paybell_connections", "Open WebSocket, SSE and long-polling connections.", sources.connections);
    gauge(registers, "paybell_topics", "Topics with at least one listener.", sources.topics);
    gauge(registers, "paybell_delivered_offset", "Last log offset handed to listeners.", sources.deliveredOffset);
    chainGauges(registers, sources);
  }

  /** One answered request. */
  observeRequest(request: { method: string; route: string; status: number; seconds: number }): void {
    const { method, route, status, seconds } = request;
    this.#requestSeconds.observe({ method, route, status: String(status) }, seconds);
  }

  /** Events that were appended. */
  countEvents(records: readonly { type: string }[]): void {
    for (const { type } of records) this.#events.inc({ type });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text that a Prometheus server scrapes. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }
}

function gauge(registers: Registry[], name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(read());
    },
  });
}

function chainGauges(registers: Registry[], sources: MetricsSources): void {
  const readings = {
    paybell_chain_connected: ["1 while the chain's node answers.", (chain: WatcherStatus) => Number(chain.connected)],
    paybell_chain_head_height: ["Height of the last reported block.", (chain: WatcherStatus) => chain.headHeight],
    paybell_chain_lag_blocks: ["Blocks not yet reported.", (chain: WatcherStatus) => chain.lagBlocks],
  } as const;
  for (const [name, [help, read]] of Object.entries(readings)) {
    new Gauge({
      name,
      help,
      labelNames: ["chain"],
      registers,
      collect() {
        this.reset();
        for (const status of sources.chains()) {
          const value = read(status);
          if (value !== null) this.set({ chain: status.chain }, value);
        }
      },
    });
  }
}
