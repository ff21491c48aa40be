/** What Crypto Shop's wires are made of. */
import type { ErrorCode } from "@paybell/protocol";
import type { Ingest } from "../../ingest/ingest.ts";
import type { ProductStore, SessionStore } from "../../log/store.ts";
import type { ProtocolContext } from "../protocol.ts";

/** Somebody wanted to follow what he may not. Carries no id and no token. */
export interface JoinRefusal {
  merchantId: string | null;
  code: ErrorCode;
  message: string;
  remoteAddress: string;
}

export interface CryptoShopDeps extends ProtocolContext {
  ingest: Pick<Ingest, "createOrder">;
  products: Pick<ProductStore, "countOrders">;
  sessions: SessionStore;
  replayWindowMs: number;
  /** Logged and counted. Called once per connection and reason. */
  onRefused: (refusal: JoinRefusal) => void;
}
