/**
 * What one more node costs everybody, on paper: `node --conditions=@paybell/source bench/partitions.ts`.
 * The arithmetic of docs/decisions/0021: one log that every node hears in full, against a log in partitions by merchant of
 * which a node hears only those that its clients need. `--record` puts the tables into that document.
 *
 * What an event costs is taken from the rows of the scenario `nodes` in RESULTS.md, and how fast one log can be counted from
 * `--counter-us`: µs/command in the last row of `counter.ts`. Everything else is an assumption, printed with the tables.
 * Deterministic: the same numbers in, the same tables out.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { figure } from "./rounds.ts";

const RESULTS = fileURLToPath(new URL("./RESULTS.md", import.meta.url));
const PAPER = fileURLToPath(new URL("../docs/decisions/0021-partitions-by-merchant.md", import.meta.url));

/** Microseconds of processor time for one event. */
interface Costs {
  /** At the node that decides it and tells its own client: HTTP, deciding, storing, telling. */
  decided: number;
  /** At a node that is told of it and has nobody who wants it. */
  carried: number;
  /** In PostgreSQL, all its processes. */
  database: number;
  /** In Redis, for one more node that is told. */
  redis: number;
  /** Of a commit's time, for one record, where a commit has as many as it may: so long at most its log's counter is held. */
  counter: number;
}

const ASSUMED = {
  /** Of each core at most so much is planned with. */
  load: 0.6,
  /** Cores that PostgreSQL's machine has. */
  databaseCores: 32,
  /** Bytes of one record on the bus. */
  recordBytes: 900,
  /** Redis speaks from one thread, and its machine's network carries so many bytes a second. */
  networkBytes: 1.25e9,
  merchants: 10_000,
  /** Merchants of whom a node has clients. */
  merchantsAtNode: [10, 100, 1_000],
  /** The largest merchant has so large a share of all events, the n-th a share of 1/n of his (Zipf). */
  zipf: 1,
  partitions: 256,
  /** Connections of one node to a database. */
  connections: 14,
} as const;

const NODES = [1, 2, 4, 10, 20, 50, 100];

/** A row of the table of a scenario, as numbers by column. */
function rowOf(text: string, scenario: string, subject: string): Record<string, number> {
  const [, section = ""] = text.split(`<!-- bench:${scenario} -->`);
  const table = section.split("\n").filter((line) => line.startsWith("|"));
  const cells = (line: string) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  const [head, , ...rows] = table.map(cells);
  const row = rows.find(([name]) => name === subject);
  if (!head || !row)
    throw new Error(`bench/RESULTS.md has no row "${subject}" of ${scenario}: npm run bench -- ${scenario} --record`);
  return Object.fromEntries(
    head.map((name, column) => [name, Number.parseFloat((row[column] ?? "").replace(/,/g, ""))]),
  );
}

function measuredCosts(counter: number): Costs {
  const text = readFileSync(RESULTS, "utf8");
  const column = (subject: string, name: string): number => {
    const value = rowOf(text, "nodes", subject)[name];
    if (value === undefined || !Number.isFinite(value)) throw new Error(`bench/RESULTS.md: no ${name} of "${subject}"`);
    return value;
  };
  const one = "1 node, PostgreSQL, Redis";
  const withIdle = "2 nodes, one idle, PostgreSQL, Redis";
  const redis = column(withIdle, "Redis CPU µs/event");
  return {
    decided: column(one, "nodes CPU µs/event"),
    carried: Math.max(0.1, column(withIdle, "at an idle node µs/event")),
    database: column(one, "PostgreSQL CPU µs/event"),
    // There is one that listens.
    redis: Math.max(0.1, redis),
    counter,
  };
}

/** What an event costs at one of so many nodes on average, where each hears this share of all events. */
const perNode = (costs: Costs, nodes: number, heard: number): number =>
  costs.decided / nodes + costs.carried * heard * (1 - 1 / nodes);

interface Ceiling {
  name: string;
  eventsPerSecond: number;
}

/** What each part of the whole can do, by what it is made of. */
function ceilings(costs: Costs, nodes: number, heard: number, databases: number, isPartitioned: boolean): Ceiling[] {
  const { load, databaseCores, networkBytes, recordBytes, partitions } = ASSUMED;
  const core = load * 1e6;
  const told = Math.max(1, heard * (nodes - 1));
  const buses = databases > 1 ? Math.min(partitions, databases) : 1;
  // Each partition has a counter of its own, also where they share a database.
  const largestLog = isPartitioned ? Math.max(...partitionShares()) : 1;
  return [
    { name: "nodes", eventsPerSecond: core / perNode(costs, nodes, heard) },
    { name: "PostgreSQL", eventsPerSecond: (databases * databaseCores * core) / costs.database },
    { name: "the log's counter", eventsPerSecond: core / (costs.counter * largestLog) },
    { name: "Redis, thread", eventsPerSecond: nodes === 1 ? Infinity : (buses * core) / (costs.redis * told) },
    {
      name: "Redis, network",
      eventsPerSecond: nodes === 1 ? Infinity : (buses * load * networkBytes) / (recordBytes * told),
    },
  ];
}

const lowest = (all: readonly Ceiling[]): Ceiling =>
  all.reduce((low, each) => (each.eventsPerSecond < low.eventsPerSecond ? each : low));

/** Share of all events that merchant n has, from 0. */
function shares(): number[] {
  const weights = Array.from({ length: ASSUMED.merchants }, (_, nth) => 1 / (nth + 1) ** ASSUMED.zipf);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / all);
}

/** A merchant's partition: any hash that spreads well does for a calculation (xorshift of his number). */
function partitionOf(merchant: number): number {
  let hash = merchant + 0x9e3779b9;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % ASSUMED.partitions;
}

/** Share of all events that each partition has. */
function partitionShares(): number[] {
  const sums = new Array<number>(ASSUMED.partitions).fill(0);
  shares().forEach((share, merchant) => {
    const partition = partitionOf(merchant);
    sums[partition] = (sums[partition] ?? 0) + share;
  });
  return sums;
}

/**
 * The share of all events that a node hears when it hears whole partitions: those of which it has a merchant. Its clients
 * are of merchants at random, as often as these have events (large shops have more buyers), and so many that they are of
 * `merchantsAtNode` different ones on average.
 */
function heardShare(merchantsAtNode: number): number {
  const all = shares();
  const isThere = (clients: number, share: number) => 1 - Math.exp(-clients * share);
  // As many clients as make that number of merchants; more of them are of more.
  let [low, high] = [0, 1e9];
  for (let step = 0; step < 200; step += 1) {
    const clients = (low + high) / 2;
    if (all.reduce((sum, share) => sum + isThere(clients, share), 0) < merchantsAtNode) low = clients;
    else high = clients;
  }
  const unheard = new Array<number>(ASSUMED.partitions).fill(1);
  all.forEach((share, merchant) => {
    const partition = partitionOf(merchant);
    unheard[partition] = (unheard[partition] ?? 1) * (1 - isThere(low, share));
  });
  return partitionShares().reduce((sum, share, partition) => sum + share * (1 - (unheard[partition] ?? 1)), 0);
}

/** The same, where a load balancer sends a merchant's clients to few nodes: a node hears its part of the partitions. */
const heardWithHomes = (nodes: number, homes: number): number => Math.min(1, homes / nodes);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padStart(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => `${"-".repeat(width + 1)}:`).join("|")}|`, ...rows.map(line)].join(
    "\n",
  );
}

function tables(costs: Costs): string {
  const knee = costs.decided / costs.carried;
  const databaseMax = (ASSUMED.databaseCores * ASSUMED.load * 1e6) / costs.database;
  const row = (nodes: number, heard: number, databases: number, isPartitioned: boolean) => {
    const most = lowest(ceilings(costs, nodes, heard, databases, isPartitioned));
    const carriedShare = (costs.carried * heard * (1 - 1 / nodes)) / perNode(costs, nodes, heard);
    return [figure(most.eventsPerSecond), most.name, `${Math.round(carriedShare * 100)} %`];
  };
  const databasesOf = (nodes: number) => Math.max(1, Math.ceil(nodes / 20));
  return [
    `Measured (µs of processor time for one event): decided ${figure(costs.decided)}, carried to a node that it does not concern ${figure(costs.carried)},`,
    `PostgreSQL ${figure(costs.database)}, Redis ${figure(costs.redis)} for each node that is told, the log's counter ${figure(costs.counter)}. Assumed: ${Object.entries(
      ASSUMED,
    )
      .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join("/") : value}`)
      .join(", ")}.`,
    "",
    `Half of a node's time goes to others' events from **${figure(knee)} nodes** on (decided ÷ carried). One PostgreSQL of ${ASSUMED.databaseCores} cores is full at **${figure(databaseMax)} events/s**, one log's counter at **${figure((ASSUMED.load * 1e6) / costs.counter)}**.`,
    "",
    "Events a second at most, what ends it, and the share of a node's time that goes to events that do not concern it; in the",
    "last three columns with one database for every 20 nodes, and 2 nodes for each merchant's clients:",
    "",
    table(
      [
        "nodes",
        "one log: events/s",
        "ends at",
        "others' events",
        "partitions: events/s",
        "ends at",
        "others' events",
        "connections",
      ],
      NODES.map((nodes) => [
        `${nodes}`,
        ...row(nodes, 1, 1, false),
        ...row(nodes, heardWithHomes(nodes, 2), databasesOf(nodes), true),
        figure(nodes * ASSUMED.connections),
      ]),
    ),
    "",
    "Share of all events that a node hears when it hears whole partitions and its clients come as they like:",
    "",
    table(
      ["merchants at a node", "events heard"],
      ASSUMED.merchantsAtNode.map((count) => [figure(count), `${Math.round(heardShare(count) * 100)} %`]),
    ),
  ].join("\n");
}

const MARKS = ["<!-- bench/partitions.ts -->", "<!-- /bench/partitions.ts -->"] as const;
/** As `counter.ts` said it last. */
const COUNTER_US = "244";

const { values } = parseArgs({
  options: { record: { type: "boolean", default: false }, "counter-us": { type: "string", default: COUNTER_US } },
});
const made = tables(measuredCosts(Number(values["counter-us"])));
console.log(made);
if (values.record) {
  const paper = readFileSync(PAPER, "utf8");
  const [before, rest = ""] = paper.split(MARKS[0]);
  const [, after = ""] = rest.split(MARKS[1]);
  writeFileSync(PAPER, `${before}${MARKS[0]}\n${made}\n${MARKS[1]}${after}`);
}
