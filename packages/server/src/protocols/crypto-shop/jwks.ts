/** Finds the public keys of a merchant's session tokens. */
import { createLocalJWKSet, createRemoteJWKSet, type JWTVerifyGetKey } from "jose";
import { parseJwks, urlOf } from "./jwk-set.ts";

/** An identity provider that does not answer holds up a join for so long. */
const FETCH_TIMEOUT_MS = 5_000;
/** A token with an unknown key id makes us ask again, but not more often than this. */
const FETCH_COOLDOWN_MS = 30_000;
/** A key that was withdrawn is refused after this time. */
const CACHE_MAX_AGE_MS = 600_000;

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
