/** The public keys of a merchant's session tokens: a JWK Set, written out or at a URL. */
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** What `sessionJwks` holds is of no use; the message says why. */
export class InvalidJwks extends Error {
  override readonly name = "InvalidJwks";
}

/** An identity provider that does not answer holds up a join for so long. */
const FETCH_TIMEOUT_MS = 5_000;
/** A token with an unknown key id makes us ask again, but not more often than this. */
const FETCH_COOLDOWN_MS = 30_000;
/** A key that was withdrawn is refused after this time. */
const CACHE_MAX_AGE_MS = 600_000;
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;
/** Key types with a public half: `oct` would be a shared secret. */
const PUBLIC_TYPES: ReadonlySet<unknown> = new Set(["RSA", "EC", "OKP"]);

/**
 * Finds the key of a token. Of a URL the set is fetched at the first token and remembered.
 * @throws InvalidJwks
 */
export function keysOf(jwks: string): JWTVerifyGetKey {
  const url = urlOf(jwks);
  if (url === null) return createLocalJWKSet(parseJwks(jwks));
  return createRemoteJWKSet(url, {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: FETCH_COOLDOWN_MS,
    cacheMaxAge: CACHE_MAX_AGE_MS,
  });
}

/** Is it a URL rather than the set itself? `null`: no.
 * @throws InvalidJwks where keys from there could be another's */
export function urlOf(text: string): URL | null {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.test(url.hostname));
  if (!url || !isSafe) throw new InvalidJwks("The URL of a JWK Set must be https (or http on this machine itself).");
  return url;
}

/** @throws InvalidJwks */
export function parseJwks(json: string): JSONWebKeySet {
  let set: unknown;
  try {
    set = JSON.parse(json);
  } catch (error) {
    throw new InvalidJwks("It is neither a URL nor JSON.", { cause: error });
  }
  const keys = isObject(set) ? set.keys : null;
  if (!Array.isArray(keys) || keys.length === 0)
    throw new InvalidJwks('A JWK Set is {"keys":[…]} with at least one key.');
  for (const key of keys as unknown[]) {
    if (!isObject(key) || !PUBLIC_TYPES.has(key.kty)) throw new InvalidJwks("Only RSA, EC and OKP keys can be used.");
    if ("d" in key) throw new InvalidJwks("It holds a private key: give the public half only.");
  }
  return { keys } as JSONWebKeySet;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
