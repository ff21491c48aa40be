/**
 * The composition root: the only file that names concrete classes. Read from top to bottom it is the one path of
 * ARCHITECTURE.md: chains → ingest → log → fan-out → protocols → transports.
 */
import type { Server } from "node:http";
import type { Logger } from "pino";
import { SANDBOX_CHAIN } from "./chains/sandbox/facts.ts";
import type { Config } from "./config/config.ts";
import { Hub } from "./fanout/hub.ts";
import type { HttpApiDeps, ReadinessSources } from "./http/deps.ts";
import { buildHttpApi } from "./http/http-api.ts";
import { deleteExpiredAnswers } from "./http/idempotency.ts";
import { KeyAuthenticator } from "./http/key-authenticator.ts";
import { Metrics, type MetricsSources } from "./http/metrics.ts";
import { requestGuard } from "./http/request-guard.ts";
import { seedSandbox } from "./http/sandbox-seed.ts";
import { ChainRegistry } from "./ingest/chain-registry.ts";
import type { ChainStatus } from "./ingest/chain-watch.ts";
import { PaymentIngest } from "./ingest/payment-ingest.ts";
import { ProductIngest } from "./ingest/product-ingest.ts";
import { WatchList } from "./ingest/watch-list.ts";
import type { WatchSinkDependencies } from "./ingest/watch-sink.ts";
import { type Clock, systemClock } from "./kit/clock.ts";
import { messageOf, PaybellError } from "./kit/errors.ts";
import { everySoOften } from "./kit/every-so-often.ts";
import { NodeCounts } from "./kit/node-counts.ts";
import { type EndStep, endAll } from "./kit/teardown.ts";
import type { LogRecord } from "./log/event-log.ts";
import { mountProtocols } from "./mount-protocols.ts";
import { type OpenBus, openBus } from "./open-bus.ts";
import { type Chains, openChains } from "./open-chains.ts";
import { type CommitTaken, openStore, type Store } from "./open-store.ts";
import { openWatching, type Watching } from "./open-watching.ts";
import { forgetOldSessions } from "./protocols/crypto-shop/session-memory.ts";
import { nativeFeeds } from "./protocols/native/feeds.ts";
import type { ProtocolContext } from "./protocols/protocol.ts";
import { TrustedProxies } from "./transports/client-address.ts";
import { Connections } from "./transports/connections.ts";
import type { Drain, DrainProgress } from "./transports/drain.ts";
import { createHttpServer, firstOf, type Wire } from "./transports/http-server.ts";
import { addressOf, bind, openDrain, openSocketGate, readTlsFiles } from "./transports/open-port.ts";
import { refuseSocket } from "./transports/refuse-socket.ts";
import { SocketIoTransport } from "./transports/socketio/transport.ts";
import { WebSocketTransport } from "./transports/websocket/server.ts";

export interface ServerHooks {
  logger: Logger;
  version: string;
  /** After each commit, with what it added to the log: the live tail of the start screen. */
  onRecords?: (records: readonly LogRecord[]) => void;
  /** Nothing can be stored any more: the process should end, so that its supervisor starts it again. */
  onFatal: (error: Error) => void;
  clock?: Clock;
}

export interface RunningServer {
  url: string;
  port: number;
  /** The chains that are watched, and what is wrong with them. */
  chains(): readonly ChainStatus[];
  /** Tells clients to come back, finishes what is in flight, closes the database. Each step is taken, also where one
   * before it fails; rejects with the first failure at the end. */
  stop(): Promise<void>;
  /** How far `stop` has come with the clients. */
  progress(): DrainProgress;
}

/** How often time is looked at: expiry and monitoring deadlines. */
const TICK_MS = 1_000;
/** How often what has expired is deleted. */
const SWEEP_MS = 60_000;
/** How often the hub asks the log whether a hint was lost. */
const HUB_POLL_MS = 1_000;
/** Records that the hub reads at once while it heals a gap. */
const HUB_PAGE = 1_000;
/** How often it is stored how far a quiet chain was watched, where others have to know: expiry is so much late there. */
const STORE_PROGRESS_MS = 2_000;
/** Payments per commit when one block concerns many. */
const GROUP_SIZE = 500;

/**
 * Starts everything and resolves when the port answers.
 * @throws StartupError naming what stops it and what to do
 */
export async function startServer(config: Config, hooks: ServerHooks): Promise<RunningServer> {
  const undo: EndStep[] = [];
  const onError = (error: unknown) => hooks.logger.error({ err: error }, messageOf(error));
  const stop = () => endAll(undo, onError);
  try {
    const server = await start(config, hooks, onError, undo);
    return { ...server, stop };
  } catch (error) {
    // What fails on the way back was reported; why it did not start is what matters.
    await stop().catch(() => undefined);
    throw error;
  }
}

async function start(config: Config, hooks: ServerHooks, onError: Parts["onError"], undo: EndStep[]) {
  const clock = hooks.clock ?? systemClock;
  const metrics = new Metrics({ clock, onError });
  undo.push(() => metrics.close());
  const onCommit = (commit: CommitTaken) => metrics.observeCommit(commit);
  const store = await openStore(config, { exclusive: true, onFatal: hooks.onFatal, onCommit, onError });
  undo.push(() => store.close());
  if (config.mode === "sandbox") await seedSandbox(store.merchants, clock);

  const chains = await openChains(config, { ...store, clock, logger: hooks.logger });
  undo.push(chains.close);
  const registry = new ChainRegistry(chains.known);
  const watchList = new WatchList({ store: store.payments, keyLog: store.keyLog, onError });
  const ingest = openIngest(config, { store, registry, watchList, clock });

  const { bus, hint, ...opened } = await openBus(config, { store, logger: hooks.logger, onError });
  undo.push(() => bus.close());
  store.log.onAppended((records) => bus.publish(records));
  store.log.onAppended((records) => metrics.countEvents(records));
  if (hooks.onRecords) store.log.onAppended(hooks.onRecords);
  const onDelivered = (record: LogRecord) => metrics.observeDelivery(record);
  const hub = new Hub({ log: store.log, bus, pollIntervalMs: HUB_POLL_MS, pageSize: HUB_PAGE, onDelivered, onError });
  await hub.start();
  undo.push(() => hub.stop());
  hint(hub);
  store.onHint(() => watchList.look());
  store.log.onAppended(() => watchList.look());

  const onBlock: WatchSinkDependencies["onBlock"] = (chain, height, noticedAtMs) =>
    metrics.noticeBlock(chain, height, noticedAtMs ?? clock.nowMs());
  const watching = await openWatching({
    ...{ chains: chains.watched, leases: store.leases, leaseMs: config.limits.leaseMs, watchList, ingest },
    ...{ store: store.payments, onBlock, onError, logger: hooks.logger, undo },
  });
  undo.push(everySoOften(TICK_MS, () => ingest.tick(), onError));
  undo.push(everySoOften(SWEEP_MS, () => sweep(store, config, clock), onError));

  const authenticator = new KeyAuthenticator({
    merchants: store.merchants,
    clock,
    mode: config.mode,
    hosts: config.hosts,
  });
  const context: ProtocolContext = {
    log: store.log,
    hub,
    payments: store.payments,
    merchants: store.merchants,
    authenticator,
    clock,
    limits: config.limits,
    mode: config.mode,
    allowedOrigins: config.allowedOrigins,
    onError,
  };
  const parts = { config, hooks, clock, onError, undo, context, ingest, chains, watching, registry, store, metrics };
  return listen({ ...parts, ...opened });
}

interface IngestParts {
  store: Store;
  registry: ChainRegistry;
  watchList: WatchList;
  clock: Clock;
}

/** The only writer of payments. */
function openIngest(config: Config, { store, registry, watchList, clock }: IngestParts): PaymentIngest {
  return new PaymentIngest({
    log: store.log,
    store: store.payments,
    merchants: store.merchants,
    products: store.products,
    chains: registry,
    watchList,
    clock,
    defaults: { ...config.defaults, gapLimit: config.limits.gapLimit },
    observable: observableIn(config, registry),
    transfersPerPayment: config.limits.transfersPerPayment,
    groupSize: GROUP_SIZE,
    pendingCommands: config.limits.pendingCommands,
    storeProgressEveryMs: store.leases ? STORE_PROGRESS_MS : null,
  });
}

/** Deletes what nobody asks for any more. */
async function sweep({ idempotency, sessions }: Store, { replayWindowMs }: Config, clock: Clock): Promise<void> {
  await deleteExpiredAnswers(idempotency, clock.nowMs());
  await forgetOldSessions({ sessions, clock, replayWindowMs });
}

/** Merchants report what their own backends watch; in the sandbox also what happens on its simulated chain. */
function observableIn({ mode }: Config, registry: ChainRegistry): (chain: string) => boolean {
  return (chain) => registry.find(chain)?.watched === false || (mode === "sandbox" && chain === SANDBOX_CHAIN);
}

interface Parts extends Pick<OpenBus, "redis"> {
  config: Config;
  hooks: ServerHooks;
  clock: Clock;
  onError: (error: unknown) => void;
  undo: EndStep[];
  context: ProtocolContext;
  ingest: PaymentIngest;
  chains: Chains;
  watching: Watching;
  registry: ChainRegistry;
  store: Store;
  metrics: Metrics;
}

/** Protocols on transports on one port. */
async function listen(parts: Parts): Promise<Omit<RunningServer, "stop">> {
  const { config, hooks, clock, onError, undo, context, ingest, chains, watching, registry, store, metrics } = parts;
  const proxies = new TrustedProxies(config.trustProxy);
  const counts = new NodeCounts({ nodes: store.nodes, limits: config.limits, onError });
  const connections = new Connections({ limits: config.limits, clock, counts, onError });
  const transportParts = { connections, proxies, limits: config.limits, clock, onError };
  const sockets = new WebSocketTransport(transportParts);
  const socketIo = new SocketIoTransport(transportParts);
  const { sessions, products: productStore } = store;
  const protocolParts = { ...context, config, ingest, registry, productStore, sessions, sandbox: chains.sandbox };
  const { wires, mounts } = mountProtocols(
    { ...protocolParts, logger: hooks.logger },
    { sockets, socketIo, connections, counts, proxies },
  );
  undo.push(await counts.start());

  const tls = await readTlsFiles(config);
  const guard = requestGuard(config);
  let server: Server | null = null;
  let drain: Drain | null = null;
  const deps: HttpApiDeps = {
    mode: config.mode,
    version: hooks.version,
    ingest,
    payments: store.payments,
    products: new ProductIngest({ log: store.log, products: productStore, chains: registry, clock }),
    productStore,
    idempotency: store.idempotency,
    authenticator: context.authenticator,
    feeds: nativeFeeds({ ...context, connections }),
    sandbox: chains.sandbox,
    readiness: { ...readinessOf(parts, counts), stopping: () => drain?.isStopping === true },
    leaving: () => drain?.isLeaving === true,
    metrics,
    clock,
    limits: config.limits,
    guard,
    onRefused: (code) => connections.countRefusal(code),
    allowedOrigins: config.allowedOrigins,
    proxies,
    logger: hooks.logger,
    mounts,
    serverFactory: (handler) => {
      server = createHttpServer(config.limits, tls, firstOf(wires, guard, handler));
      return server;
    },
  };
  const api = await buildHttpApi(deps);
  const http = server as unknown as Server;
  const gate = openSocketGate(http, { config, proxies, connections, logger: hooks.logger });
  metrics.read({
    ...figures(parts),
    connections: () => connections.counters,
    sockets: () => gate.total,
    ...(store.nodes ? { nodes: () => counts.live } : {}),
    chains: () =>
      watching.status().map((status) => ({ ...status, watchedUntilMs: ingest.watchedUntilMs(status.chain) })),
  });
  takeUpgrades(http, wires, { guard, connections });
  const leaving = openDrain(http, { config, connections, gate, logger: hooks.logger, forget: () => counts.leave() });
  drain = leaving;
  undo.push(async () => {
    await Promise.all([leaving.run(), watching.handOver()]);
    await api.close();
  });
  await bind(api.listen({ host: config.host, port: config.port }), config);
  return { ...addressOf(http, config), chains: () => watching.status(), progress: () => leaving.progress };
}

/** What `/readyz` asks. */
function readinessOf({ store, watching, redis }: Parts, counts: NodeCounts): Omit<ReadinessSources, "stopping"> {
  return {
    checkDatabase: async () => {
      await store.log.head();
    },
    chains: () => watching.status(),
    nodes: () => counts.live,
    bus: () => (redis ? (redis().connected ? "ok" : "failed") : "none"),
  };
}

function takeUpgrades(
  server: Server,
  wires: readonly Wire[],
  { guard, connections }: Pick<HttpApiDeps, "guard"> & { connections: Connections },
): void {
  server.on("upgrade", (request, socket, head) => {
    const refusal = guard(request);
    if (refusal) connections.countRefusal(refusal.code);
    else if (wires.some((wire) => wire.handleUpgrade(request, socket, head))) return;
    refuseSocket(socket, refusal ?? new PaybellError("not_found", "There is no WebSocket at this path."));
  });
}

/** What stands behind the transports, for metrics. */
function figures({ config, hooks, context, store, redis }: Parts): Partial<MetricsSources> {
  return {
    build: { version: hooks.version, mode: config.mode },
    payments: () => store.payments.countByStatus(),
    topics: () => context.hub.topicCount,
    deliveredOffset: () => context.hub.offset,
    gaps: () => context.hub.gaps,
    bus: () => redis?.() ?? null,
    pendingCommands: () => store.pendingCommands(),
  };
}
