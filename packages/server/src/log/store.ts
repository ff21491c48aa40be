/**
 * The contract of what is read beside the log: payments, watch lists, merchants and keys. Written by the same
 * transactions as the log; every read is one read transaction.
 * Source: DESIGN.md, "The log".
 */
import type { OrderStatus, PaymentStatus, UnattributedReason } from "@paybell/protocol";
import type { Payment, PaymentState } from "../payments/payment.ts";
import type { Product } from "../payments/product.ts";
import type { IdempotentAnswer, WatcherProgress } from "./event-log.ts";
import type { Topic } from "./topic.ts";

/** A payment and the log offset at which it was read: everything up to that offset is contained in it. */
export interface Snapshot {
  state: PaymentState;
  offset: number;
}

/** Where an observed transfer belongs. */
export interface Route {
  /** At most one payment per merchant. */
  paymentIds: readonly string[];
  /** Merchants that know the address but have no payment that may be credited. */
  unattributed: readonly UnattributedRoute[];
}

export interface UnattributedRoute {
  merchantId: string;
  address: string;
  why: Extract<UnattributedReason, "older_than_payment" | "payment_erased" | "no_match">;
}

/** A match key under which a transfer may be waited for beside its recipient alone. */
export interface RouteKey {
  matchKey: string;
  /** Only where the payment names the transaction itself: in place of the query's `timeMs`, whatever was recorded. */
  namedTimeMs?: number;
}

export interface RouteQuery {
  chain: string;
  txId: string;
  index: string;
  recipient: string;
  /** Looked up before the recipient alone, in this order. Left out: none. */
  narrower?: readonly RouteKey[];
  /** The transfer's time: payments created later are not credited. Where the merchant's transfer was recorded as
   * credited to nobody before, the earlier of this and the time that was known then. */
  timeMs: number;
}

/** What a transfer is known by. */
export interface TransferName {
  chain: string;
  txId: string;
  index: string;
}

export interface CreditedPayment {
  paymentId: string;
  erased: boolean;
}

export interface PaymentQuery {
  merchantId: string;
  reference?: string;
  customer?: string;
  status?: PaymentStatus;
  /** Only orders: those of this status, or all. */
  order?: OrderStatus | "any";
  limit: number;
  /** `next` of the previous page. */
  after?: string;
}

/** A transfer that a watcher still has to follow: in the mempool, or not yet final. */
export interface OpenTransfer {
  txId: string;
  index: string;
  recipient: string;
  asset: string;
  amountAtomic: bigint;
  status: "seen" | "included" | "confirmed" | "orphaned";
  block: { height: number; hash: string; timeMs: number } | null;
  firstSeenAtMs: number;
  replaceable: boolean;
  spends: readonly string[];
}

/** A transfer in a block; final ones too, since a reorg may reach deeper than the horizon. */
export type BlockTransfer = Omit<OpenTransfer, "status">;

export interface PaymentStore {
  /** Of a standing payment only the transfers named in `concerning` (`txId/index`) are loaded. Order as asked; `null`
   * where there is no such payment, or it was erased. */
  loadForDecision(
    requests: readonly { paymentId: string; concerning?: readonly { txId: string; index: string }[] }[],
  ): Promise<readonly (PaymentState | null)[]>;
  /** With the newest 100 transfers. `null` when there is no such payment, or it was erased. */
  snapshot(paymentId: string): Promise<Snapshot | null>;
  /** Newest first, each with its newest 10 transfers. `next` is `null` on the last page; a page that holds more than
   * 5,000 transfers ends before its limit. */
  list(query: PaymentQuery): Promise<{ payments: readonly PaymentState[]; next: string | null }>;
  /** The newest payment (by creation) that waits for this address alone, whatever its status, with its newest transfer.
   * `null` also where the newest one was erased. */
  latestOnAddress(merchantId: string, chain: string, recipient: string): Promise<Snapshot | null>;
  /** The merchants that have a payment which waits for this address alone. */
  merchantsOnAddress(chain: string, recipient: string): Promise<readonly string[]>;
  /** Results in the order of the queries. */
  route(queries: readonly RouteQuery[]): Promise<readonly Route[]>;
  /** The merchant's payment that each transfer credits already; `null`: none. Order as asked. */
  creditedPayments(
    merchantId: string,
    transfers: readonly TransferName[],
  ): Promise<readonly (CreditedPayment | null)[]>;
  /** Transfers whose `dueHeight` is at most `height`, with their payments, ordered by payment. */
  dueAtHeight(chain: string, height: number): Promise<readonly { paymentId: string; txId: string; index: string }[]>;
  /** Payments whose `deadlineMs` is at most `watchedUntilMs`, the earliest first. Where several processes use one store, each
   * is given to one of them at a time and for a bounded time: what this one was given before counts as done when it asks
   * again for the chain, and what a process that died was given comes to another. Deciding one all the same does no harm
   * (`expectedSequence`). Ask one at a time. */
  dueAtTime(chain: string, watchedUntilMs: number, limit: number): Promise<readonly string[]>;
  /** Transfers that are in this block: for a block that the chain has dropped. */
  transfersInBlock(chain: string, blockHash: string): Promise<readonly BlockTransfer[]>;
  /** Transfers that are not final and not lost; not those of erased payments, of which nothing is told any more. */
  openTransfers(chain: string): Promise<readonly OpenTransfer[]>;
  /** Every match key that any payment on this chain ever named, and the addresses below them (`sharedRecipient`), in
   * pages; `after` is the last key of the page before. */
  watchedRecipients(chain: string, after: string | null, limit: number): Promise<readonly string[]>;
  progress(chain: string): Promise<WatcherProgress | null>;
  /** How many payments stand in each status; erased ones are none. O(1) in the number of payments. */
  countByStatus(): Promise<Readonly<Record<PaymentStatus, number>>>;
}

/** A record that names what is to be watched for: a payment that waits for this key, or a claim (`payment.claimed`) by its
 * payer, as the payment stands now. */
export interface NamedKey {
  type: "payment.created" | "payment.claimed";
  recipient: string;
  match: Payment["match"];
  claimedTxId: string | null;
}

/**
 * How whoever watches a chain hears of keys that other processes were given. Only where several processes use one store;
 * elsewhere each payment's key is known to the one process before it is stored.
 */
export interface KeyLog {
  /** What records behind `offset` name on this chain, in the order of the log, at most `limit`. Read on from `next`;
   * `next === head`: caught up. Of one moment, and in no more time than what is named takes. */
  keysAfter(
    chain: string,
    offset: number,
    limit: number,
  ): Promise<{ keys: readonly NamedKey[]; next: number; head: number }>;
  /** From which offset to read so that what was named since then, on whatever chain, is behind it; of more than `limit`
   * the newest. */
  keysSince(sinceMs: number, limit: number): Promise<number>;
}

export interface ProductQuery {
  merchantId: string;
  limit: number;
  /** `next` of the previous page. */
  after?: string;
}

/** Products and what is asked of orders. Written by the log's own transactions, see `ProductCommand`. */
export interface ProductStore {
  /** Archived ones too. Order as asked; `null` where the merchant has no such product. */
  products(merchantId: string, productIds: readonly string[]): Promise<readonly (Product | null)[]>;
  /** Oldest first, archived ones left out. `next` is `null` on the last page. */
  listProducts(query: ProductQuery): Promise<{ products: readonly Product[]; next: string | null }>;
  /** The customer's pending order, the newest where one has come back beside another; `null`: none. */
  pendingOrder(merchantId: string, customer: string): Promise<string | null>;
  /** How many orders of each status the customer has. */
  countOrders(merchantId: string, customer: string): Promise<Readonly<Record<OrderStatus, number>>>;
}

export interface Merchant {
  id: string;
  name: string;
  createdAtMs: number;
  /** Extended public key per chain, from which addresses are derived. */
  xpubs: Readonly<Record<string, string>>;
}

/**
 * What a merchant has decided for wires that carry no secret key. Everything is closed until he opens it; in the sandbox
 * all of it is open whatever is set. Source: DESIGN.md, "Who may listen".
 */
export interface MerchantSettings {
  /** HMAC secret (HS256) of the tokens by which his users prove who they are; `null`: none. */
  sessionSecret: string | null;
  /** Public keys of those tokens: a JWK Set as JSON, or the https URL of one; `null`: none. */
  sessionJwks: string | null;
  /** `iss` and `aud` that such a token must carry; `null`: any. */
  sessionIssuer: string | null;
  sessionAudience: string | null;
  /** Anyone may follow any of his users: asked for by name, never the default. */
  openCustomers: boolean;
  /** Anyone who knows or guesses a reference may follow it: Tributary's tracking ids, Transak's `{API_KEY}_{ref}`. */
  openReferences: boolean;
  /** Anyone who has his publishable key may follow all his orders: Transak's channel `{API_KEY}`. */
  openOrders: boolean;
}

export const CLOSED_SETTINGS: MerchantSettings = {
  sessionSecret: null,
  sessionJwks: null,
  sessionIssuer: null,
  sessionAudience: null,
  openCustomers: false,
  openReferences: false,
  openOrders: false,
};

export type KeyKind = "secret" | "publishable";

export interface ApiKey {
  id: string;
  merchantId: string;
  kind: KeyKind;
  /** SHA-256 of the key, hex. The key itself is shown once and never stored. */
  hash: string;
  /** The first characters, for lists and logs. */
  hint: string;
  createdAtMs: number;
  revokedAtMs: number | null;
}

/** What a merchant's backend reads Transak's calls with, and verifies Transak's JWTs with. Stored as it is, because JWTs
 * are signed with it. */
export interface AccessToken {
  merchantId: string;
  token: string;
  /** SHA-256 of the token, hex: by which it is looked up. */
  hash: string;
  createdAtMs: number;
  /** `null`: never; the sandbox's constant. */
  expiresAtMs: number | null;
}

export interface MerchantStore {
  createMerchant(merchant: Merchant): Promise<void>;
  merchants(): Promise<readonly Merchant[]>;
  merchant(id: string): Promise<Merchant | null>;
  setXpub(merchantId: string, chain: string, xpub: string): Promise<void>;
  /** On which his payments wait that are told apart by something beside the address, where none is derived.
   * Rejects when another merchant has it. */
  setAddress(merchantId: string, chain: string, address: string): Promise<void>;
  /** By chain. */
  addresses(merchantId: string): Promise<Readonly<Record<string, string>>>;
  /** `CLOSED_SETTINGS` where nothing was set. */
  settings(merchantId: string): Promise<MerchantSettings>;
  /** Changes those given, leaves the others. */
  changeSettings(merchantId: string, changed: Partial<MerchantSettings>): Promise<void>;
  createKey(key: ApiKey): Promise<void>;
  keys(merchantId: string): Promise<readonly ApiKey[]>;
  /** `null` for unknown and for revoked keys. */
  keyByHash(hash: string): Promise<ApiKey | null>;
  /** Returns false when there is no such key, or it was revoked before. */
  revokeKey(id: string, atMs: number): Promise<boolean>;
  /**
   * Stores the token behind the one that is good at its `createdAtMs`, and returns it; those that have expired are
   * deleted. Where one waits behind the good one already, or one never expires, that one is returned and nothing stored.
   * `revokeOlder`: all others that may expire are deleted, and it is stored.
   */
  issueAccessToken(token: AccessToken, options: { revokeOlder: boolean }): Promise<AccessToken>;
  /** The oldest first; the last one stays, also when it has expired. */
  accessTokens(merchantId: string): Promise<readonly AccessToken[]>;
  /** `null` for an unknown one; one that has expired is found as long as it is there. */
  accessTokenByHash(hash: string): Promise<AccessToken | null>;
  /**
   * Takes the next index of what addresses are derived from (`AddressAllocator.identity`); never gives one twice,
   * whoever asks, not after a crash either.
   * Returns `null` when more than `gapLimit` indexes in a row behind the last used one were given out.
   */
  takeDerivationIndex(chain: string, derivedFrom: string, gapLimit: number): Promise<number | null>;
}

/** A topic that a client follows. */
export interface JoinedTopic {
  topic: Topic;
  /** The log offset at which it began to. */
  joinedAt: number;
}

/** What a client has joined, by the session that its library keeps over reconnects. The id is a memory, not a proof. */
export interface ClientSession {
  id: string;
  merchantId: string;
  /** In the order in which it joined them. */
  joined: readonly JoinedTopic[];
  seenAtMs: number;
}

export interface SessionStore {
  /** `null`: there is none, or it was last seen before. */
  session(id: string, seenSinceMs: number): Promise<ClientSession | null>;
  /** In place of what was stored of it. At most `keep` sessions are kept: those that were not stored again for the longest
   * go. */
  keepSession(session: ClientSession, keep: number): Promise<void>;
  /** Deletes those that were last seen before, the oldest first, at most `limit`. Returns how many there were. */
  deleteOld(seenBeforeMs: number, limit: number): Promise<number>;
}

export interface IdempotencyStore {
  /** `null` when the key is unused, or older than 24 hours. */
  idempotentAnswer(merchantId: string, key: string, nowMs: number): Promise<IdempotentAnswer | null>;
  /** For requests that write no payment. Returns false when the key was taken meanwhile. An answer that shows a payment
   * which was erased meanwhile is not kept. */
  storeIdempotentAnswer(answer: IdempotentAnswer): Promise<boolean>;
  /** Deletes the oldest answers that are older than 24 hours, at most `limit`. Returns how many there were. */
  deleteExpired(nowMs: number, limit: number): Promise<number>;
}
