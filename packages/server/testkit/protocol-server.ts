/**
 * Everything between the simulated chain and a client's socket, as `main.ts` puts it together, with a clock, limits and
 * a bus that the test sets: real chain, real ingest, real SQLite, real sockets.
 */
import { mkdtemp, rm } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ErrorCode } from "@paybell/protocol";
import { pino } from "pino";
import { SandboxChain } from "../src/chains/sandbox/chain.ts";
import { SandboxChainControls } from "../src/chains/sandbox/controls.ts";
import { sandboxFacts } from "../src/chains/sandbox/facts.ts";
import { SandboxWatcher } from "../src/chains/sandbox/sandbox-watcher.ts";
import { SANDBOX_PUSHER_APP } from "../src/config/pusher.ts";
import { Hub } from "../src/fanout/hub.ts";
import type { Api } from "../src/http/api.ts";
import type { Mount } from "../src/http/deps.ts";
import { buildHttpApi } from "../src/http/http-api.ts";
import { KeyAuthenticator } from "../src/http/key-authenticator.ts";
import { createKey, hashKey, keyRow } from "../src/http/keys.ts";
import { Metrics } from "../src/http/metrics.ts";
import { requestGuard } from "../src/http/request-guard.ts";
import { ChainRegistry } from "../src/ingest/chain-registry.ts";
import type { CreateRequest } from "../src/ingest/ingest.ts";
import type { Limits } from "../src/kit/limits.ts";
import type { LogRecord } from "../src/log/event-log.ts";
import type { KeyKind, PaymentStore } from "../src/log/store.ts";
import type { Topic } from "../src/log/topic.ts";
import type { Payment } from "../src/payments/payment.ts";
import { registerBlockonomicsRest } from "../src/protocols/blockonomics/rest.ts";
import { blockonomicsRoute } from "../src/protocols/blockonomics/route.ts";
import type { JoinRefusal } from "../src/protocols/crypto-shop/context.ts";
import { cryptoShop } from "../src/protocols/crypto-shop/crypto-shop.ts";
import { identipay } from "../src/protocols/identipay/identipay.ts";
import type { Places } from "../src/protocols/identipay/places.ts";
import { nativeFeeds } from "../src/protocols/native/feeds.ts";
import { nativeStream } from "../src/protocols/native/stream.ts";
import type { ProtocolContext } from "../src/protocols/protocol.ts";
import { pusherHttp } from "../src/protocols/pusher/pusher.ts";
import { transak } from "../src/protocols/transak/transak.ts";
import { tributary } from "../src/protocols/tributary/tributary.ts";
import { SqliteIdempotencyStore } from "../src/storage/sqlite/idempotency-store.ts";
import { SqliteMerchantStore } from "../src/storage/sqlite/merchant-store.ts";
import { SqliteSandboxLedger } from "../src/storage/sqlite/sandbox-ledger.ts";
import { SqliteSessionStore } from "../src/storage/sqlite/session-store.ts";
import { TrustedProxies } from "../src/transports/client-address.ts";
import { firstOf, type Wire } from "../src/transports/http-server.ts";
import { PusherTransport } from "../src/transports/pusher/transport.ts";
import { LossyBus } from "./lossy-bus.ts";
import { ServerCore } from "./server-core.ts";
import { TransportServer } from "./transport-server.ts";

/** The merchant that `ServerCore` makes. */
export const MERCHANT = "merchant";

export interface ProtocolServerOptions {
  limits?: Partial<Limits>;
  /** Host name → merchant. */
  hosts?: Record<string, string>;
  /** Called after a protocol has read a payment from the store, before it gets the answer: for races. */
  aroundReads?: (read: "snapshot" | "latestOnAddress") => Promise<void>;
  /** Left out: `sandbox`. The chain is simulated in live mode too, but nobody may move it over HTTP. */
  mode?: "sandbox" | "live";
  /** How far back wires without a cursor tell what a client missed. Left out: an hour. */
  replayWindowMs?: number;
  /** Origins whose pages may use keys and cookies. */
  allowedOrigins?: readonly string[];
  /** Whose `X-Forwarded-For` is believed. */
  trustProxy?: readonly string[];
}

/** How often the hub looks for lost hints, ms. */
const HUB_POLL_MS = 5;
const REPLAY_WINDOW_MS = 3_600_000;

export class ProtocolServer {
  readonly core: ServerCore;
  readonly chain: SandboxChain;
  readonly bus = new LossyBus();
  readonly hub: Hub;
  readonly transports: TransportServer;
  readonly merchants: SqliteMerchantStore;
  readonly controls: SandboxChainControls;
  readonly #watcher: SandboxWatcher;
  readonly #dataDir: string;
  readonly #mode: "sandbox" | "live";
  /** Who holds identiPay's places. */
  identipayPlaces: Places | null = null;
  /** Joins of Crypto Shop's clients that were refused. */
  readonly joinRefusals: JoinRefusal[] = [];
  readonly #wires: Wire[] = [];
  #api: Api | null = null;

  static async start(options: ProtocolServerOptions = {}): Promise<ProtocolServer> {
    const dataDir = await mkdtemp(join(tmpdir(), "paybell-protocols-"));
    const { limits = {}, trustProxy = [] } = options;
    const transports = new TransportServer({ limits, trustProxy });
    const core = await ServerCore.open(dataDir, sandboxFacts, transports.clock);
    const ledger = new SqliteSandboxLedger(core.database);
    const chain = await SandboxChain.open({ ledger, clock: transports.clock, blockIntervalMs: 0 });
    const server = new ProtocolServer(dataDir, options.mode ?? "sandbox", transports, core, chain);
    await server.#start(options);
    return server;
  }

  private constructor(
    dataDir: string,
    mode: "sandbox" | "live",
    transports: TransportServer,
    core: ServerCore,
    chain: SandboxChain,
  ) {
    this.#dataDir = dataDir;
    this.#mode = mode;
    this.transports = transports;
    this.core = core;
    this.chain = chain;
    this.merchants = new SqliteMerchantStore(core.database);
    this.#watcher = new SandboxWatcher({ node: chain, clock: transports.clock });
    this.controls = new SandboxChainControls({ chain, cursor: () => core.sink.cursor() });
    this.hub = new Hub({
      log: core.log,
      bus: this.bus,
      pollIntervalMs: HUB_POLL_MS,
      pageSize: 10,
      onError: this.#onError,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.transports.port}`;
  }

  /** What was reported to the operator. */
  get errors(): readonly unknown[] {
    return this.transports.errors;
  }

  /** A payment of 1,000,000 atomic units, unless it is said otherwise. */
  async pay(payment: Payment, amountAtomic = payment.amountAtomic ?? 1_000_000n): Promise<string> {
    return (await this.controls.pay({ payment, amountAtomic })).txId;
  }

  async create(request: Partial<CreateRequest> = {}): Promise<Payment> {
    return (await this.core.create({ asset: "SBX", amountAtomic: 1_000_000n, ...request })).payment;
  }

  async addMerchant(id: string): Promise<void> {
    await this.merchants.createMerchant({ id, name: id, createdAtMs: this.transports.clock.nowMs(), xpubs: {} });
  }

  async addKey(kind: KeyKind, merchantId = MERCHANT): Promise<string> {
    const key = createKey(kind, this.#mode);
    await this.merchants.createKey(keyRow(key, { merchantId, kind, createdAtMs: this.transports.clock.nowMs() }));
    return key;
  }

  async revoke(key: string): Promise<void> {
    const row = await this.merchants.keyByHash(hashKey(key));
    await this.merchants.revokeKey(row?.id ?? "", this.transports.clock.nowMs());
  }

  async records(topic: Topic): Promise<readonly LogRecord[]> {
    return (await this.core.log.readAfter(0, { topics: [topic], limit: 10_000 })).records;
  }

  async stop(): Promise<void> {
    await this.transports.close();
    await this.#api?.close();
    await this.#watcher.stop();
    await this.chain.close();
    await this.hub.stop();
    await this.core.close();
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  readonly #onError = (error: unknown) => {
    this.transports.errors.push(error);
  };

  async #start(options: ProtocolServerOptions): Promise<void> {
    this.core.log.onAppended((records) => this.bus.publish(records));
    await this.hub.start();
    this.core.tell(this.#watcher);
    await this.#watcher.start(this.core.sink);
    const context = this.#context(options);
    const registry = new ChainRegistry([{ facts: sandboxFacts, watched: true }]);
    this.transports.sockets.mount(nativeStream(context, registry));
    this.transports.sockets.mount(blockonomicsRoute(context, registry));
    const identiPay = identipay({
      ...context,
      ingest: this.core.ingest,
      registry,
      connections: this.transports.connections,
      proxies: new TrustedProxies(options.trustProxy ?? []),
      sandbox: this.#mode === "sandbox" ? this.controls : null,
      settings: this.#mode === "sandbox" ? null : { chain: "sandbox", currencies: null },
    });
    this.transports.sockets.mount(identiPay.route);
    this.identipayPlaces = identiPay.places;
    const { sockets, connections } = this.transports;
    const replaying = {
      ...context,
      replayWindowMs: options.replayWindowMs ?? REPLAY_WINDOW_MS,
      countRefusal: (code: ErrorCode) => connections.countRefusal(code),
    };
    const transakParts = transak({ ...replaying, onRefused: ({ code }) => connections.countRefusal(code) });
    const pusher = new PusherTransport({
      ...context,
      apps: [SANDBOX_PUSHER_APP],
      routes: [transakParts.route],
      sockets,
      connections,
      proxies: new TrustedProxies(options.trustProxy ?? []),
    });
    this.#wires.push(pusher.wire);
    const tributaryParts = tributary(replaying);
    this.transports.socketIo.mount(tributaryParts.route);
    const shop = cryptoShop({
      ...replaying,
      ingest: this.core.ingest,
      products: this.core.products,
      sessions: new SqliteSessionStore(this.core.database),
      onRefused: (refusal) => {
        connections.countRefusal(refusal.code);
        this.joinRefusals.push(refusal);
      },
    });
    this.transports.socketIo.mount(shop.route);
    this.#api = await this.#buildApi(context, [
      (api, posts) => registerBlockonomicsRest(api, { ingest: this.core.ingest, registry, posts }),
      identiPay.http,
      tributaryParts.http,
      shop.http,
      transakParts.http,
      pusherHttp(pusher, context),
    ]);
    await this.transports.listen();
  }

  #context({ hosts = {}, aroundReads, allowedOrigins = [] }: ProtocolServerOptions): ProtocolContext {
    const { clock, limits } = this.transports;
    const { merchants } = this;
    return {
      log: this.core.log,
      hub: this.hub,
      payments: aroundReads ? disturbed(this.core.store, aroundReads) : this.core.store,
      merchants,
      authenticator: new KeyAuthenticator({ merchants, clock, mode: this.#mode, hosts }),
      clock,
      limits,
      mode: this.#mode,
      allowedOrigins,
      onError: this.#onError,
    };
  }

  #buildApi(context: ProtocolContext, mounts: readonly Mount[]): Promise<Api> {
    const { connections } = this.transports;
    return buildHttpApi({
      mode: this.#mode,
      version: "0.0.0",
      ingest: this.core.ingest,
      payments: context.payments,
      products: this.core.productIngest,
      productStore: this.core.products,
      idempotency: new SqliteIdempotencyStore(this.core.database),
      authenticator: context.authenticator,
      feeds: nativeFeeds({ ...context, connections }),
      sandbox: this.#mode === "sandbox" ? this.controls : null,
      readiness: {
        checkDatabase: async () => {},
        chains: () => [],
        nodes: () => 1,
        bus: () => "none",
        stopping: () => false,
      },
      leaving: () => false,
      metrics: new Metrics({ clock: context.clock, onError: this.#onError }),
      clock: context.clock,
      limits: context.limits,
      guard: requestGuard({ mode: this.#mode, sandboxPublic: false, hosts: {} }),
      onRefused: (code) => connections.countRefusal(code),
      allowedOrigins: context.allowedOrigins,
      proxies: new TrustedProxies([]),
      logger: pino({ level: "silent" }),
      mounts,
      serverFactory: (handler: RequestListener) => this.transports.serve(firstOf(this.#wires, () => null, handler)),
    });
  }
}

/** The real store; something may happen between the moment at which it is read and that at which the answer is there. */
function disturbed(real: PaymentStore, around: NonNullable<ProtocolServerOptions["aroundReads"]>): PaymentStore {
  return new Proxy(real, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        const found: unknown = await value.apply(target, args);
        if (name === "snapshot" || name === "latestOnAddress") await around(name);
        return found;
      };
    },
  });
}
