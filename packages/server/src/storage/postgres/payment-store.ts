/** Payments on PostgreSQL. */
import type { PaymentStatus } from "@paybell/protocol";
import type { WatcherProgress } from "../../log/event-log.ts";
import type {
  BlockTransfer,
  CreditedPayment,
  OpenTransfer,
  PaymentQuery,
  PaymentStore,
  Route,
  RouteQuery,
  Snapshot,
  TransferName,
} from "../../log/store.ts";
import type { PaymentState } from "../../payments/payment.ts";
import { formatAnchor, parseAnchor } from "../list-anchor.ts";
import type { PostgresDatabase } from "./database.ts";
import type { DecisionRequest } from "./reading/payments.ts";
import { type DueTransfer, dueAtTime } from "./reading/watch.ts";

export class PostgresPaymentStore implements PaymentStore {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  loadForDecision(requests: readonly DecisionRequest[]): Promise<readonly (PaymentState | null)[]> {
    return this.#database.read("loadForDecision", requests);
  }

  snapshot(paymentId: string): Promise<Snapshot | null> {
    return this.#database.read("snapshot", paymentId);
  }

  /** @throws PaybellError `invalid_cursor` when `after` is not the `next` of a page */
  async list(query: PaymentQuery): Promise<{ payments: readonly PaymentState[]; next: string | null }> {
    const { after, ...filter } = query;
    const anchor = after === undefined ? null : parseAnchor(after, "payments");
    const { payments, next } = await this.#database.read("list", filter, anchor);
    return { payments, next: next && formatAnchor(next) };
  }

  latestOnAddress(merchantId: string, chain: string, recipient: string): Promise<Snapshot | null> {
    return this.#database.read("latestOnAddress", merchantId, chain, recipient);
  }

  merchantsOnAddress(chain: string, recipient: string): Promise<readonly string[]> {
    return this.#database.read("merchantsOnAddress", chain, recipient);
  }

  route(queries: readonly RouteQuery[]): Promise<readonly Route[]> {
    return this.#database.read("route", queries);
  }

  creditedPayments(
    merchantId: string,
    transfers: readonly TransferName[],
  ): Promise<readonly (CreditedPayment | null)[]> {
    return this.#database.read("creditedPayments", merchantId, transfers);
  }

  dueAtHeight(chain: string, height: number): Promise<readonly DueTransfer[]> {
    return this.#database.read("dueAtHeight", chain, height);
  }

  dueAtTime(chain: string, watchedUntilMs: number, limit: number): Promise<readonly string[]> {
    return this.#database.claims.take(dueAtTime(chain, watchedUntilMs, limit));
  }

  transfersInBlock(chain: string, blockHash: string): Promise<readonly BlockTransfer[]> {
    return this.#database.read("transfersInBlock", chain, blockHash);
  }

  openTransfers(chain: string): Promise<readonly OpenTransfer[]> {
    return this.#database.read("openTransfers", chain);
  }

  watchedRecipients(chain: string, after: string | null, limit: number): Promise<readonly string[]> {
    return this.#database.read("watchedRecipients", chain, after, limit);
  }

  progress(chain: string): Promise<WatcherProgress | null> {
    return this.#database.read("progress", chain);
  }

  countByStatus(): Promise<Readonly<Record<PaymentStatus, number>>> {
    return this.#database.read("countByStatus");
  }
}
