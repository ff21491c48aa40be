/**
 * Every metric by name: type, labels, meaning. `docs/reference/metrics.md` is generated from this table, and the
 * dashboard in docs/grafana may ask for nothing else. Units stand in the names, as is usual with Prometheus.
 * Labels are route patterns, event types, chains and codes: never an id, which would be a capability.
 */
export interface MetricSpec {
  type: "counter" | "gauge" | "histogram";
  labels: readonly string[];
  help: string;
  /** Upper bounds; of histograms only. */
  buckets?: readonly number[];
}

type Spec<Type extends MetricSpec["type"]> = MetricSpec & { type: Type };

const gauge = (help: string, ...labels: string[]): Spec<"gauge"> => ({ type: "gauge", labels, help });
const counter = (help: string, ...labels: string[]): Spec<"counter"> => ({ type: "counter", labels, help });
const histogram = (help: string, buckets: readonly number[], ...labels: string[]): Spec<"histogram"> => ({
  type: "histogram",
  labels,
  help,
  buckets,
});

const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];
const COMMIT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const FRAME_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
const COMMANDS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000];

export const METRICS = {
  paybell_build_info: gauge("Always 1: which program this is.", "version", "mode"),
  paybell_payments: gauge(
    "Payments in each status; erased ones are not counted. Kept by the database, so that nobody counts them.",
    "status",
  ),
  paybell_events_total: counter("Events that this process wrote to the log.", "type"),
  paybell_commit_commands: histogram("Commands that shared one commit.", COMMANDS),
  paybell_commit_duration_seconds: histogram(
    "Time of one commit, the sync of the disk and waiting for the writer included.",
    COMMIT_SECONDS,
  ),
  paybell_commands_pending: gauge("Commands that wait for the disk, those under way included."),
  paybell_ingest_to_frame_seconds: histogram(
    "From the decision of an event to the moment at which its frames were written for all who follow it live: commit and fan-out. One observation per event that somebody follows.",
    FRAME_SECONDS,
  ),
  paybell_block_to_frame_seconds: histogram(
    "From the moment at which the watcher noticed a block to that at which the frames of an event that it caused were written.",
    FRAME_SECONDS,
    "chain",
  ),
  paybell_delivered_offset: gauge("Last log offset handed to those who listen."),
  paybell_gaps_total: counter(
    "How often a record came before one that precedes it, as those of several nodes do: `bus` it came a moment later, `log` it was read from the database.",
    "closed_by",
  ),
  paybell_nodes: gauge(
    "Nodes on this database that have said something within the last seconds, as this one knows, itself included; absent on SQLite.",
  ),
  paybell_bus_connected: gauge("1 while Redis carries events between the nodes; absent where it is not configured."),
  paybell_bus_messages_total: counter(
    "Messages on Redis, one or more per commit: `sent`, `unsent` Redis was not there or too slow, `received` from other nodes, `unreadable` of these, or not sealed with the database's secret. What a lost one held is read from the database.",
    "fate",
  ),
  paybell_topics: gauge("Topics with at least one listener."),
  paybell_connections: gauge("Open WebSocket, SSE and long-polling connections.", "protocol"),
  paybell_sockets: gauge("Open TCP connections."),
  paybell_connections_refused_total: counter(
    "Connections that were refused, by error code; `too_many_connections` are those beyond a limit.",
    "reason",
  ),
  paybell_connections_ended_total: counter(
    "Connections that the server ended, by error code; `slow_consumer` are the dropped consumers.",
    "reason",
  ),
  paybell_http_request_duration_seconds: histogram(
    "Time from a complete request head to the end of the answer.",
    REQUEST_SECONDS,
    "method",
    "route",
    "status",
  ),
  paybell_chain_leader: gauge(
    "1 where this process watches the chain, 0 where it would if the one that does ended. The sum over all nodes is 1; the other figures of a chain are shown by the node that watches it.",
    "chain",
  ),
  paybell_chain_connected: gauge("1 while the chain's node answers.", "chain"),
  paybell_chain_head_height: gauge("Height of the node's last block.", "chain"),
  paybell_chain_lag_blocks: gauge("Blocks that the node has and the watcher has not yet reported.", "chain"),
  paybell_chain_lag_seconds: gauge(
    "How long ago everything that had happened on the chain was in the log. Absent until that is first known.",
    "chain",
  ),
  paybell_chain_endpoints: gauge(
    "Endpoints of the chain: `current` answers, `standby` could, `failed` is left alone. Absent for a chain with one node.",
    "chain",
    "state",
  ),
  paybell_chain_endpoint_failures_total: counter(
    "Why endpoints were not used: `failed` no usable answer, `rate_limited` it asked to be left alone, `stalled` no answer in time, `unfit` another network or a method missing, `blocks_missing` it no longer has what is needed, `stale` behind the others.",
    "chain",
    "reason",
  ),
  paybell_chain_endpoint_switches_total: counter("How often another endpoint of the chain took over.", "chain"),
  paybell_event_loop_delay_seconds: gauge(
    "How late timers came since the last scrape: the share `quantile` of them came no later.",
    "quantile",
  ),
  process_cpu_seconds_total: counter("Processor time of this process, all its threads."),
  process_resident_memory_bytes: gauge("Resident memory."),
  nodejs_heap_used_bytes: gauge("JavaScript objects of the main thread, live or not yet collected."),
  process_open_fds: gauge("Open files and sockets. Linux only."),
  process_max_fds: gauge("Files and sockets that the system lets the process open; absent where there is no limit."),
  process_start_time_seconds: gauge("When the process started, seconds since 1970."),
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof METRICS;
