/** What a merchant sets as the public keys of his session tokens: a JWK Set, written out or at a URL. Needs no library, so
 * that the command line, which only checks it, loads none. */
import type { JSONWebKeySet } from "jose";

/** What `sessionJwks` holds is of no use; the message says why. */
export class InvalidJwks extends Error {
  override readonly name = "InvalidJwks";
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;
/** Key types with a public half: `oct` would be a shared secret. */
const PUBLIC_TYPES: ReadonlySet<unknown> = new Set(["RSA", "EC", "OKP"]);

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
