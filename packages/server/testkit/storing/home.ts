/** A place where a store is kept, so that a test can open it, close it and open it again. */
import { afterAll, beforeAll } from "vitest";
import type { EventLog } from "../../src/log/event-log.ts";
import type { IdempotencyStore, MerchantStore, PaymentStore, ProductStore, SessionStore } from "../../src/log/store.ts";

export interface OpenStore {
  log: EventLog;
  payments: PaymentStore;
  products: ProductStore;
  merchants: MerchantStore;
  idempotency: IdempotencyStore;
  sessions: SessionStore;
  close(): Promise<void>;
}

export interface StoreHome {
  /** Another opening of the same store when one is open already. */
  open(options?: { pendingCommands?: number }): Promise<OpenStore>;
  /** After everything was closed. */
  remove(): Promise<void>;
}

/** Each call gives an empty one. */
export type MakeHome = () => Promise<StoreHome>;

export interface StoreCapabilities {
  /** Two openings may append at the same time. */
  twoInstances: boolean;
}

/** One store for the tests of a `describe`; they keep apart by using merchants of their own. */
export function openForAll(make: MakeHome, options?: { pendingCommands?: number }): () => OpenStore {
  let home: StoreHome;
  let store: OpenStore;
  beforeAll(async () => {
    home = await make();
    store = await home.open(options);
  });
  afterAll(async () => {
    await store.close();
    await home.remove();
  });
  return () => store;
}
