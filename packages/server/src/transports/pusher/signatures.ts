/**
 * What a secret proves: that a client may subscribe, that a call of the HTTP API is the operator's. All comparisons take
 * the same time whatever is compared.
 * Source: Pusher Channels, "Auth signatures", "Encrypted channels", "HTTP API: Authentication".
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { PusherApp } from "./apps.ts";
import type { ChannelName } from "./channels.ts";

/** HMAC-SHA256 as lower-case hex. */
export function sign(secret: string, text: string): string {
  return createHmac("sha256", secret).update(text).digest("hex");
}

export function isSignedBy(secret: string, text: string, signature: string): boolean {
  const expected = Buffer.from(sign(secret, text));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

export interface ChannelClaim {
  socketId: string;
  channel: string;
  /** As it came; signed whenever it is there, on every kind of channel. */
  channelData: string | undefined;
}

function textOf({ socketId, channel, channelData }: ChannelClaim): string {
  return channelData === undefined ? `${socketId}:${channel}` : `${socketId}:${channel}:${channelData}`;
}

/** `key:signature`, what a backend gives its client. */
export function authorise(app: PusherApp & { readonly secret: string }, claim: ChannelClaim): string {
  return `${app.keys[0]}:${sign(app.secret, textOf(claim))}`;
}

/** Was this said by the app's backend? */
export function isAuthorised(app: PusherApp, auth: unknown, claim: ChannelClaim): boolean {
  if (app.secret === null || typeof auth !== "string") return false;
  const [key = "", signature = "", ...rest] = auth.split(":");
  return rest.length === 0 && app.keys.includes(key) && isSignedBy(app.secret, textOf(claim), signature);
}

/** The key of an encrypted channel, 32 bytes: what clients decrypt with. */
export function sharedSecret(channel: ChannelName, masterKey: Buffer): Buffer {
  return createHash("sha256").update(channel.full).update(masterKey).digest();
}
