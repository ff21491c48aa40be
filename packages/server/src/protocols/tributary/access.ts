/**
 * Whose tracking ids a client means, and may it follow them? Ids can be guessed, so in live mode a merchant has to open
 * them (`openReferences`), or the client shows a secret key of his. In the sandbox everything is open.
 * Source: DESIGN.md, "Who may listen".
 */
import { ERRORS } from "@paybell/protocol";
import type { Caller } from "../../http/authenticator.ts";
import { PaybellError } from "../../kit/errors.ts";
import { mayUseKeys } from "../../kit/origins.ts";
import type { SocketIoHandshake } from "../../transports/socketio/connection.ts";
import type { ProtocolContext } from "../protocol.ts";

export type AccessContext = Pick<ProtocolContext, "authenticator" | "merchants" | "mode" | "allowedOrigins">;

export interface Asking {
  host: string | undefined;
  /** Of the page that asks; other programs send none. */
  origin: string | undefined;
  /** From the query, where only a publishable key has a place. */
  publishableKey: string | null;
  /** Behind a key that came where a secret one may come. */
  caller: Caller | null;
}

/**
 * The merchant whose ids may be followed.
 * @throws PaybellError forbidden
 */
export async function merchantFor(context: AccessContext, asking: Asking): Promise<string> {
  const { caller, origin } = asking;
  if (caller?.kind === "secret") {
    if (origin === undefined || mayUseKeys(origin, context)) return caller.merchantId;
    throw new PaybellError("forbidden", "A page of this origin may not use a secret key.");
  }
  const { host, publishableKey } = asking;
  const named = caller?.merchantId ?? (await context.authenticator.merchantOf({ host, publishableKey }));
  if (named === null) {
    throw new PaybellError("forbidden", "It is not clear which merchant is meant: give his publishable key as `key`.");
  }
  if (context.mode === "sandbox") return named;
  const { openReferences } = await context.merchants.settings(named);
  if (openReferences) return named;
  throw new PaybellError("forbidden", "The merchant has not opened his tracking ids to clients without a secret key.");
}

/** The key that a Socket.IO client sent as `auth.key`; `null`: none. */
export function authKey({ auth }: Pick<SocketIoHandshake, "auth">): string | null {
  return Object.hasOwn(auth, "key") && typeof auth.key === "string" ? auth.key : null;
}

/** @throws PaybellError unauthorized: a key that is unknown or revoked */
export async function askingFrom(context: AccessContext, handshake: SocketIoHandshake): Promise<Asking> {
  const key = authKey(handshake);
  const caller = key === null ? null : await context.authenticator.callerOf(key);
  if (key !== null && caller === null) throw new PaybellError("unauthorized", ERRORS.unauthorized.meaning);
  const { host, origin } = handshake.headers;
  return { host, origin, publishableKey: handshake.url.searchParams.get("key"), caller };
}
