/** The messages of the protocol itself, in both directions. Source: Pusher Channels protocol 7. */
import type { PaybellError } from "../../kit/errors.ts";
import { Outgoing } from "./outgoing.ts";

/** What a client sent, before anything in it is believed. */
export interface Incoming {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** `null`: not a message of this protocol. `data` may be an object or the JSON text of one, or be left out. */
export function parseMessage(text: string): Incoming | null {
  const message = objectIn(text);
  if (message === null || typeof message.event !== "string") return null;
  const { event, data = {} } = message;
  const object = typeof data === "string" ? (objectIn(data) ?? {}) : data;
  return { event, data: isObject(object) ? object : {} };
}

export const PONG = new Outgoing({ event: "pusher:pong", data: {} });

export function connectionEstablished(socketId: string, activityTimeoutMs: number): Outgoing {
  const data = { socket_id: socketId, activity_timeout: Math.ceil(activityTimeoutMs / 1_000) };
  return new Outgoing({ event: "pusher:connection_established", data: JSON.stringify(data) });
}

export function subscriptionSucceeded(channel: string): Outgoing {
  return new Outgoing({ event: "pusher_internal:subscription_succeeded", channel, data: "{}" });
}

export function cacheMiss(channel: string): Outgoing {
  return new Outgoing({ event: "pusher:cache_miss", channel, data: "{}" });
}

/** @param code of the documented range; `null`: none fits */
export function pusherError(message: string, code: number | null = null): Outgoing {
  return new Outgoing({ event: "pusher:error", data: { message, code } });
}

const AUTH_STATUSES = [401, 403];

/** `type` is `AuthError` where a right is missing, as pusher-js itself calls it, else the code of the error. */
export function subscriptionError(channel: string, { code, message, spec: { httpStatus } }: PaybellError): Outgoing {
  const type = AUTH_STATUSES.includes(httpStatus) ? "AuthError" : code;
  const data = JSON.stringify({ type, error: message, status: httpStatus });
  return new Outgoing({ event: "pusher:subscription_error", channel, data });
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    // Not JSON: the client is told by the caller.
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
