/** What the HTTP API is made of; given by the composition root. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { ErrorCode, PaymentEvent } from "@paybell/protocol";
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from "fastify";
import type { TSchema } from "typebox";
import type { ChainStatus } from "../ingest/chain-watch.ts";
import type { AnswerWith, Ingest } from "../ingest/ingest.ts";
import type { Products } from "../ingest/products.ts";
import type { Clock } from "../kit/clock.ts";
import type { Limits } from "../kit/limits.ts";
import type { IdempotencyStore, PaymentStore, ProductStore } from "../log/store.ts";
import type { Payment, PaymentState } from "../payments/payment.ts";
import type { TrustedProxies } from "../transports/client-address.ts";
import type { Api } from "./api.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Metrics } from "./metrics.ts";
import type { RequestGuard } from "./request-guard.ts";

/** Who reads events: the merchant sees the reference, the public does not. */
export type Audience = "public" | "merchant";

/** One request for events. Who may ask was checked; the payment exists and the caller may read it. */
export interface PollRequest {
  /** Every event of this merchant, or, with `paymentId`, those of one payment. */
  scope: { merchantId: string } | { paymentId: string };
  /** Whose events they are. */
  merchantId: string;
  audience: Audience;
  /** A position; `null`: from the beginning of the log. */
  after: string | null;
  limit: number;
  /** Wait so long for an event when there is none yet; 0: answer at once. */
  waitMs: number;
  remoteAddress: string;
  /** Aborted when the client has gone. */
  signal: AbortSignal;
}

export interface StreamRequest {
  paymentId: string;
  /** Whose payment it is. */
  merchantId: string;
  audience: Audience;
  /** The key that came with the request: the stream ends when it is revoked. */
  key: string | null;
  /** `Last-Event-ID`; `null`: a snapshot first. */
  after: string | null;
  remoteAddress: string;
}

/** The event feeds of the native protocol. */
export interface EventFeeds {
  /** @throws PaybellError invalid_cursor, cursor_expired, too_many_connections */
  poll(request: PollRequest): Promise<{ events: readonly PaymentEvent[]; next: string }>;
  /** Takes over the response: status line, SSE headers (those set before on the response stay) and all that follows.
   * May throw a PaybellError (invalid_cursor, cursor_expired, too_many_connections) before the first byte. */
  stream(request: StreamRequest, raw: { request: IncomingMessage; response: ServerResponse }): Promise<void>;
}

/** The simulated chain by hand. Each call resolves after its effects are committed. */
export interface SandboxControls {
  /** A transfer to the payment's address, in the mempool.
   * @param request.once two payments with the same text are one, as long as that one is on the chain or in the mempool */
  pay(request: { payment: Payment; amountAtomic: bigint; once?: string }): Promise<{ txId: string }>;
  mine(blocks: number): Promise<{ height: number }>;
  /** Drops the last blocks, returns their transactions to the mempool and mines `depth + 1` empty blocks.
   * @throws PaybellError invalid_request when the chain is not that deep */
  reorg(depth: number): Promise<{ height: number }>;
  /** Replaces a transaction by one that pays somebody else.
   * @throws PaybellError not_found, invalid_state */
  doubleSpend(txId: string): Promise<{ txId: string }>;
}

/** What `/readyz` reports. */
export interface ReadinessSources {
  /** Resolves when the database answers; rejects with the reason. */
  checkDatabase(): Promise<void>;
  chains(): readonly ChainStatus[];
  /** Nodes on this database that are there, this one included. */
  nodes(): number;
  /** Redis, as the bus between nodes; `none`: it is not configured. */
  bus(): "none" | "ok" | "failed";
  /** True from the signal to stop on. */
  stopping(): boolean;
}

/** Honours the Idempotency-Key of another protocol's POST. */
export interface IdempotentPosts {
  /** Schema of the request's headers. */
  headers: TSchema;
  /** Writes a payment, once under one key, and sends the answer: the first one again where there is one. */
  writePayment(
    request: FastifyRequest,
    reply: FastifyReply,
    post: {
      merchantId: string;
      httpStatus: number;
      write: (answer?: AnswerWith) => Promise<PaymentState>;
      /** What is answered, sent as JSON. */
      viewOf: (state: PaymentState) => object;
    },
  ): Promise<FastifyReply>;
}

/** Puts a protocol's routes on the HTTP API. */
export type Mount = (api: Api, posts: IdempotentPosts) => void;

export interface HttpApiDeps {
  mode: "sandbox" | "live";
  version: string;
  ingest: Ingest;
  payments: PaymentStore;
  /** What a merchant does to his products. */
  products: Products;
  productStore: ProductStore;
  idempotency: IdempotencyStore;
  authenticator: Authenticator;
  feeds: EventFeeds;
  /** `null` in live mode: the sandbox calls then answer 403. */
  sandbox: SandboxControls | null;
  readiness: ReadinessSources;
  /** True where whoever is answered should come back on another connection: this process is about to end. */
  leaving: () => boolean;
  metrics: Metrics;
  clock: Clock;
  limits: Limits;
  /** What is refused whatever the path. */
  guard: RequestGuard;
  /** A connection was refused before there was a request. */
  onRefused: (code: ErrorCode) => void;
  allowedOrigins: readonly string[];
  /** The client's address, proxies considered. */
  proxies: Pick<TrustedProxies, "clientAddress">;
  /** Pino's interface. Gets route patterns, never URLs. */
  logger: FastifyBaseLogger;
  /** Routes of other protocols on the same port, with envelopes of their own. */
  mounts?: readonly Mount[];
  /** Who makes the `http.Server` that the API answers on; left out: the API makes its own. */
  serverFactory?: (handler: RequestListener) => Server;
}
