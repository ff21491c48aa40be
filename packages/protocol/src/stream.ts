/** Messages of the native WebSocket, `GET /v1/stream`. Source: DESIGN.md, "HTTP API". */
import type { ErrorCode } from "./errors.ts";
import type { PaymentEvent } from "./event.ts";
import type { MerchantPayment, PublicPayment } from "./payment.ts";

/** What a client may send. */
export type StreamRequest =
  | { type: "auth"; key: string }
  | { type: "subscribe"; topic: string; after?: string }
  | { type: "unsubscribe"; topic: string }
  | { type: "ping" };

/** What the server sends. */
export type StreamMessage =
  | { type: "authenticated"; merchant: string }
  | { type: "subscribed"; topic: string; position: string }
  | { type: "unsubscribed"; topic: string }
  | { type: "snapshot"; topic: string; payment: PublicPayment | MerchantPayment; position: string }
  | { type: "event"; topic: string; event: PaymentEvent }
  | { type: "error"; code: ErrorCode; message: string; topic?: string; details?: unknown }
  | { type: "pong" };
