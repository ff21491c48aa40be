/**
 * What every protocol is made of. A protocol is a small mapping: its path, who may subscribe, the snapshot that a
 * client gets first, and the frame that a record becomes (`null`: this protocol has nothing to say about it).
 */

import type { Hub } from "../fanout/hub.ts";
import type { Authenticator } from "../http/authenticator.ts";
import type { Clock } from "../kit/clock.ts";
import type { Limits } from "../kit/limits.ts";
import type { EventLog } from "../log/event-log.ts";
import type { MerchantStore, PaymentStore } from "../log/store.ts";

export interface ProtocolContext {
  log: EventLog;
  hub: Hub;
  payments: PaymentStore;
  merchants: MerchantStore;
  authenticator: Authenticator;
  clock: Clock;
  limits: Limits;
  mode: "sandbox" | "live";
  /** Origins whose pages may use keys, see `kit/origins.ts`. */
  allowedOrigins: readonly string[];
  onError: (error: unknown) => void;
}
