/** What Transak's channels and calls are made of. */
import type { ErrorCode } from "@paybell/protocol";
import type { ProtocolContext } from "../protocol.ts";
import type { Orders } from "./orders.ts";

export interface TransakDeps extends ProtocolContext {
  /** A subscription was refused. */
  countRefusal: (code: ErrorCode) => void;
  /** How far back a subscription is given again what happened, milliseconds. */
  replayWindowMs: number;
}

export interface TransakContext extends TransakDeps {
  orders: Orders;
}
