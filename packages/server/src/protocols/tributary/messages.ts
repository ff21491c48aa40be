/** The messages of Tributary's document, "Server-to-Client Events". Times are those of the server. */
import { ERRORS, type ErrorCode } from "@paybell/protocol";
import type { Execution } from "./execution.ts";
import { wireAmount } from "./wire-amount.ts";

/** One payment, on the socket and over HTTP alike. */
export interface PaymentData {
  trackingId: string;
  /** Atomic units. Rounded down where a double cannot hold it: see `wireAmount`. */
  amount: number;
  /** When it was executed, Unix seconds. */
  timestamp: number;
  status: "executed";
  /** The covering transaction's id on whatever chain. */
  signature: string;
  /** Paybell adds: the same in every repetition. */
  id: string;
  /** Paybell adds: atomic units with all digits. */
  amountAtomic: string;
}

export interface PaymentMessage {
  type: "payment_notification";
  data: PaymentData;
  /** When it was executed, milliseconds: so that a repetition is the same message. */
  timestamp: number;
}

export interface AckMessage {
  type: "ack";
  data: string;
  timestamp: number;
}

export type TributaryCode = "INVALID_TRACKING_ID" | "CONNECTION_ERROR";

export interface ErrorMessage {
  type: "error";
  data: { code: TributaryCode; message: string };
  timestamp: number;
}

/** The document's text; of `unsubscribe` the real service sends the shorter one. */
export const INVALID_ID = {
  subscribe: "Tracking ID is required and must be a string",
  unsubscribe: "Tracking ID is required",
} as const;

export function paymentData({ id, trackingId, amountAtomic, atMs, signature }: Execution): PaymentData {
  return {
    trackingId,
    amount: wireAmount(amountAtomic),
    timestamp: Math.floor(atMs / 1_000),
    status: "executed",
    signature,
    id,
    amountAtomic: amountAtomic.toString(),
  };
}

export function paymentMessage(execution: Execution): PaymentMessage {
  return { type: "payment_notification", data: paymentData(execution), timestamp: execution.atMs };
}

export function subscribedMessage(trackingId: string, nowMs: number): AckMessage {
  return { type: "ack", data: `Subscribed to trackingId: ${trackingId}`, timestamp: nowMs };
}

export function unsubscribedMessage(trackingId: string, nowMs: number): AckMessage {
  return { type: "ack", data: `Unsubscribed from trackingId: ${trackingId}`, timestamp: nowMs };
}

export function errorMessage(code: TributaryCode, message: string, nowMs: number): ErrorMessage {
  return { type: "error", data: { code, message }, timestamp: nowMs };
}

/** Why the server refuses something, or ends the connection. The document's text first. */
export function connectionError(reason: string, nowMs: number): ErrorMessage {
  return errorMessage("CONNECTION_ERROR", `WebSocket connection error: ${reason}`, nowMs);
}

export function endError(code: ErrorCode, nowMs: number): ErrorMessage {
  return connectionError(ERRORS[code].meaning, nowMs);
}
