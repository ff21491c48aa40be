/** What Transak's channels and calls are made of. */
import type { ErrorCode } from "@paybell/protocol";
import type { ProtocolContext } from "../protocol.ts";
import type { Orders } from "./orders.ts";

/** Who was refused a channel. Its name is left out: it may hold a key. */
export interface SubscriptionRefusal {
  channel: "order" | "reference" | "merchant";
  code: ErrorCode;
  message: string;
  remoteAddress: string;
}

export interface TransakDeps extends ProtocolContext {
  /** For the log and the metrics. */
  onRefused: (refusal: SubscriptionRefusal) => void;
  /** How far back a subscription is given again what happened, milliseconds. */
  replayWindowMs: number;
}

export interface TransakContext extends TransakDeps {
  orders: Orders;
}
