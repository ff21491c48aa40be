/**
 * What a client keeps over reconnects. It is named in the answer to the client's CONNECT (`pid`), and clients from 4.6
 * on send it back in their next one, with the last offset that they saw. Nothing of it is kept here.
 * Source: the Socket.IO client's own connect packet (`auth.pid`, `auth.offset`).
 */
import { randomBytes } from "node:crypto";
import type { Session } from "./connection.ts";

const ID_BYTES = 15;
/** What `ID_BYTES` look like in base64url. */
const ID = /^[A-Za-z0-9_-]{20}$/;
/** Longer than any offset that a protocol writes. */
const OFFSET_LENGTH_MAX = 8_192;

/** @param auth of the connect packet, from outside: anything that does not have the right form counts as not sent */
export function sessionOf(auth: Readonly<Record<string, unknown>>): Session {
  const { pid, offset } = auth;
  if (typeof pid !== "string" || !ID.test(pid)) {
    return { id: randomBytes(ID_BYTES).toString("base64url"), isReturning: false, offset: null };
  }
  const isOffset = typeof offset === "string" && offset.length <= OFFSET_LENGTH_MAX;
  return { id: pid, isReturning: true, offset: isOffset ? offset : null };
}
