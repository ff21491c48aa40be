/**
 * Prometheus metrics, by `metric-table.ts`. On the path of an event there are only additions to plain numbers and
 * histograms without an id in their labels; everything else is read when somebody scrapes.
 */
import type { PaymentStatus } from "@paybell/protocol";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ChainStatus } from "../ingest/chain-watch.ts";
import type { Clock } from "../kit/clock.ts";
import type { LogRecord } from "../log/event-log.ts";
import type { ConnectionCounters } from "../transports/connections.ts";
import { BlockTimes } from "./block-times.ts";
import { METRICS, type MetricName, type MetricSpec } from "./metric-table.ts";
import { ProcessReadings } from "./process-readings.ts";

/** `watchedUntilMs`: everything until then is in the log; `null`: not yet known. */
type ChainReading = ChainStatus & { watchedUntilMs: number | null };

/** Read at each scrape. What is not given is not shown. */
export interface MetricsSources {
  build: { version: string; mode: string };
  /** How many payments stand in each status; see `PaymentStore.countByStatus`. */
  payments(): Promise<Readonly<Record<PaymentStatus, number>>>;
  connections(): ConnectionCounters;
  /** Open TCP connections. */
  sockets(): number;
  /** Nodes that are there, this one included. */
  nodes(): number;
  /** Topics that somebody listens to. */
  topics(): number;
  /** The last log offset that was handed to listeners. */
  deliveredOffset(): number;
  /** Redis, as the bus between nodes, and messages since the start by what became of them; `null`: it is not configured. */
  bus(): { connected: boolean; messages: Readonly<Record<string, number>> } | null;
  /** Records that came before one that precedes them. */
  gaps(): { seen: number; read: number };
  /** Commands that wait for the disk. */
  pendingCommands(): number;
  chains(): readonly ChainReading[];
}

export interface MetricsOptions {
  clock: Clock;
  /** A source failed: its metric is left out, the others are shown, the operator is told. */
  onError: (error: unknown) => void;
}

type Named<Type extends MetricSpec["type"]> = {
  [Name in MetricName]: (typeof METRICS)[Name]["type"] extends Type ? Name : never;
}[MetricName];

export class Metrics {
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  readonly #process = new ProcessReadings();
  readonly #blocks = new BlockTimes();
  /** Event type → how many; plain numbers until somebody asks. */
  readonly #events = new Map<string, number>();
  readonly #instruments = new Map<MetricName, Gauge | Counter | Histogram>();
  #sources: Partial<MetricsSources> = {};

  constructor(options: MetricsOptions) {
    this.#options = options;
    const registers = [this.#registry];
    for (const [name, { type, help, labels, buckets }] of Object.entries<MetricSpec>(METRICS)) {
      const common = { name, help, labelNames: [...labels], registers };
      this.#instruments.set(
        name as MetricName,
        type === "histogram"
          ? new Histogram({ ...common, buckets: [...(buckets ?? [])] })
          : type === "counter"
            ? new Counter(common)
            : new Gauge(common),
      );
    }
  }

  /** From now on these are asked too. */
  read(sources: Partial<MetricsSources>): void {
    this.#sources = { ...this.#sources, ...sources };
  }

  /** One answered request. */
  observeRequest(request: { method: string; route: string; status: number; seconds: number }): void {
    const { method, route, status, seconds } = request;
    this.#histogram("paybell_http_request_duration_seconds").observe(
      { method, route, status: String(status) },
      seconds,
    );
  }

  /** Events that were appended. */
  countEvents(records: readonly { type: string }[]): void {
    for (const { type } of records) this.#events.set(type, (this.#events.get(type) ?? 0) + 1);
  }

  /** One commit that was written. */
  observeCommit({ commands, seconds }: { commands: number; seconds: number }): void {
    this.#histogram("paybell_commit_commands").observe(commands);
    this.#histogram("paybell_commit_duration_seconds").observe(seconds);
  }

  /** A watcher noticed a block at this time. */
  noticeBlock(chain: string, height: number, atMs: number): void {
    this.#blocks.noticed(chain, height, atMs);
  }

  /** A record was handed to everybody who follows it. */
  observeDelivery(record: LogRecord): void {
    const nowMs = this.#options.clock.nowMs();
    this.#histogram("paybell_ingest_to_frame_seconds").observe(Math.max(0, nowMs - record.atMs) / 1_000);
    const cause = this.#blocks.causeOf(record);
    if (!cause) return;
    const seconds = Math.max(0, nowMs - cause.atMs) / 1_000;
    this.#histogram("paybell_block_to_frame_seconds").observe({ chain: cause.chain }, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text that a Prometheus server scrapes. */
  async render(): Promise<string> {
    this.#readCounters();
    this.#readGauges();
    this.#readProcess();
    await Promise.all([this.#readPayments(), this.#readDescriptors()]);
    return this.#registry.metrics();
  }

  close(): void {
    this.#process.close();
  }

  #readCounters(): void {
    const { connections } = this.#sources;
    this.#count("paybell_events_total", "type", Object.fromEntries(this.#events));
    if (!connections) return;
    const { open, refused, ended } = connections();
    this.#count("paybell_connections_refused_total", "reason", refused);
    this.#count("paybell_connections_ended_total", "reason", ended);
    this.#set("paybell_connections", "protocol", open);
  }

  #readGauges(): void {
    const { build, nodes, sockets, topics, deliveredOffset, pendingCommands } = this.#sources;
    if (build) this.#gauge("paybell_build_info").set(build, 1);
    const numbers = {
      paybell_nodes: nodes,
      paybell_sockets: sockets,
      paybell_topics: topics,
      paybell_delivered_offset: deliveredOffset,
      paybell_commands_pending: pendingCommands,
    } as const;
    for (const [name, read] of Object.entries(numbers)) {
      if (read) this.#gauge(name as Named<"gauge">).set(read());
    }
    this.#readChains();
    this.#readBus();
  }

  #readBus(): void {
    const { seen = 0, read = 0 } = this.#sources.gaps?.() ?? {};
    this.#count("paybell_gaps_total", "closed_by", { bus: seen - read, log: read });
    const bus = this.#sources.bus?.() ?? null;
    this.#setOrHide("paybell_bus_connected", bus && Number(bus.connected));
    this.#count("paybell_bus_messages_total", "fate", bus?.messages ?? {});
  }

  #readChains(): void {
    const nowMs = this.#options.clock.nowMs();
    const chains = this.#sources.chains?.() ?? [];
    // Of a chain that another process watches only that can be said.
    const watched = chains.filter(({ role }) => role === "leader");
    const each = (
      name: Named<"gauge">,
      value: (chain: ChainReading) => number | null,
      of: readonly ChainReading[] = watched,
    ) => this.#set(name, "chain", Object.fromEntries(of.map((status) => [status.chain, value(status)])));
    each("paybell_chain_leader", ({ role }) => Number(role === "leader"), chains);
    each("paybell_chain_connected", ({ connected }) => Number(connected));
    each("paybell_chain_head_height", ({ headHeight }) => headHeight);
    each("paybell_chain_lag_blocks", ({ lagBlocks }) => lagBlocks);
    each("paybell_chain_lag_seconds", ({ watchedUntilMs }) =>
      watchedUntilMs === null ? null : Math.max(0, nowMs - watchedUntilMs) / 1_000,
    );
    this.#readEndpoints(watched);
  }

  #readEndpoints(chains: readonly ChainReading[]): void {
    const states = this.#gauge("paybell_chain_endpoints");
    const failures = this.#counter("paybell_chain_endpoint_failures_total");
    const switches = this.#counter("paybell_chain_endpoint_switches_total");
    for (const instrument of [states, failures, switches]) instrument.reset();
    for (const { chain, endpoints: status } of chains) {
      if (!status) continue;
      switches.inc({ chain }, status.switches);
      for (const state of ["current", "standby", "failed"]) states.set({ chain, state }, 0);
      for (const { current, problem, failures: counts } of status.endpoints) {
        states.inc({ chain, state: problem !== null ? "failed" : current ? "current" : "standby" });
        for (const [reason, count] of Object.entries(counts)) failures.inc({ chain, reason }, count);
      }
    }
  }

  #readProcess(): void {
    const { rss, heapUsed } = this.#process.memory;
    const cpu = this.#counter("process_cpu_seconds_total");
    cpu.reset();
    cpu.inc(this.#process.cpuSeconds);
    this.#gauge("process_resident_memory_bytes").set(rss);
    this.#gauge("nodejs_heap_used_bytes").set(heapUsed);
    this.#gauge("process_start_time_seconds").set(this.#process.startedAtSeconds);
    this.#setOrHide("process_max_fds", this.#process.maxDescriptors);
    this.#set("paybell_event_loop_delay_seconds", "quantile", this.#process.takeEventLoopDelay());
  }

  async #readDescriptors(): Promise<void> {
    this.#setOrHide("process_open_fds", await this.#process.openDescriptors());
  }

  async #readPayments(): Promise<void> {
    try {
      const counts = await this.#sources.payments?.();
      if (counts) this.#set("paybell_payments", "status", counts);
    } catch (error) {
      this.#gauge("paybell_payments").reset();
      this.#options.onError(error);
    }
  }

  /** All values of a gauge with one label; `null` is not shown. */
  #set(name: Named<"gauge">, label: string, values: Readonly<Record<string, number | null>>): void {
    const gauge = this.#gauge(name);
    gauge.reset();
    for (const [value, number] of Object.entries(values)) if (number !== null) gauge.set({ [label]: value }, number);
  }

  /** A gauge without labels. prom-client shows 0 for one that was never set: without a value it is taken out. */
  #setOrHide(name: Named<"gauge">, value: number | null): void {
    if (value === null) this.#gauge(name).remove();
    else this.#gauge(name).set(value);
  }

  /** All values of a counter that is kept elsewhere. */
  #count(name: Named<"counter">, label: string, values: Readonly<Record<string, number>>): void {
    const counter = this.#counter(name);
    counter.reset();
    for (const [value, number] of Object.entries(values)) counter.inc({ [label]: value }, number);
  }

  #gauge(name: Named<"gauge">): Gauge {
    return this.#instruments.get(name) as Gauge;
  }

  #counter(name: Named<"counter">): Counter {
    return this.#instruments.get(name) as Counter;
  }

  #histogram(name: Named<"histogram">): Histogram {
    return this.#instruments.get(name) as Histogram;
  }
}
