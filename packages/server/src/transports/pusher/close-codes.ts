/**
 * Why a Pusher connection ends. 4000–4099: a client must not come back unchanged (pusher-js stops for good); 4100–4199:
 * it comes back after a second or more; 4200–4299: it comes back at once. Below 4000 are RFC 6455's codes, after which
 * pusher-js comes back after a second.
 * Source: Pusher Channels protocol, "Connection closure".
 */
import { ERRORS, type ErrorCode } from "@paybell/protocol";
import type { Closing } from "../websocket/connection.ts";

/** What is wrong with the request to connect. */
export const REFUSALS = {
  unknownKey: { closeCode: 4001, reason: "There is no app with this key" },
  path: { closeCode: 4005, reason: "There is nothing at this path: connect to /app/{key}" },
  version: { closeCode: 4006, reason: "The protocol's version must be a number" },
  protocol: { closeCode: 4007, reason: "Only the protocol's versions 5, 6 and 7 are spoken here" },
  noProtocol: { closeCode: 4008, reason: "No version of the protocol was given: add ?protocol=7" },
} as const satisfies Record<string, Closing>;

const OVER_CAPACITY = 4100;
const UNAUTHORIZED = 4009;

/**
 * Errors with a code of their own. Of the others, what passes ends with 4100, and what is the same each time it is tried
 * with 4009. 4004 (over quota) is never sent: a client would stop for good because of what passes.
 */
const OWN: Readonly<Partial<Record<ErrorCode, number>>> = {
  // As RFC 6455 has it, and as it is sent where the message is not even read.
  payload_too_large: 1009,
  // Another process is there, or soon will be.
  shutting_down: 4200,
  // No pong in time.
  idle_timeout: 4201,
};

/** How a connection ends that was open. */
export function closingOf(code: ErrorCode): Closing {
  const closeCode = OWN[code] ?? (ERRORS[code].retryable ? OVER_CAPACITY : UNAUTHORIZED);
  return { closeCode, reason: code };
}

/**
 * How one ends that was never let in; one that comes while the server stops would, at once, meet the same server again.
 * Only pages get it on a WebSocket: pusher-js up to 8.0 gives WebSockets up for good after two that were closed within
 * four minutes of their opening, in Node also where the close was in order. Without a handshake it tries again for ever.
 */
export function refusalOf(code: ErrorCode): Closing {
  return code === "shutting_down" ? { closeCode: OVER_CAPACITY, reason: code } : closingOf(code);
}
