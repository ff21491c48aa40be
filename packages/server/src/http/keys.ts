/**
 * API keys: `sk_live_…` (secret) and `pk_live_…` (publishable), `sk_sandbox_…` and `pk_sandbox_…` in the sandbox.
 * All made keys have one length, so that `{API_KEY}_{ref}` can be taken apart in one way. Only the SHA-256 is stored:
 * the keys are random enough that a slow hash would protect nothing.
 * Source: DESIGN.md, "Who may listen" and "Starting it".
 */
import { hash, randomBytes, randomUUID } from "node:crypto";
import type { ApiKey, KeyKind } from "../log/store.ts";

export type KeyMode = "sandbox" | "live";

/** Characters of every key that `createKey` makes. At least 33 of them are random: 196 bits. */
export const KEY_LENGTH = 44;

/** Known to everybody, refused outside the sandbox. */
export const SANDBOX_SECRET_KEY = "sk_sandbox_paybell";
export const SANDBOX_PUBLISHABLE_KEY = "pk_sandbox_paybell";
/** Transak's: never expires there. */
export const SANDBOX_ACCESS_TOKEN = "at_sandbox_paybell";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HINT_RANDOM_CHARACTERS = 4;
const FORM = /^([sp])k_(live|sandbox)_([0-9A-Za-z]+)$/;

/** A fresh key: shown once, never stored. */
export function createKey(kind: KeyKind, mode: KeyMode): string {
  const prefix = `${kind === "secret" ? "sk" : "pk"}_${mode}_`;
  let random = "";
  while (random.length < KEY_LENGTH - prefix.length) {
    for (const byte of randomBytes(KEY_LENGTH)) {
      // Only bytes below the largest multiple of 62, so that every character is equally likely.
      if (byte < 248 && random.length < KEY_LENGTH - prefix.length) random += ALPHABET[byte % 62];
    }
  }
  return prefix + random;
}

/** SHA-256, hex. */
export function hashKey(key: string): string {
  return hash("sha256", key, "hex");
}

/** What is stored of a key. */
export function keyRow(key: string, owner: { merchantId: string; kind: KeyKind; createdAtMs: number }): ApiKey {
  const form = parseKey(key);
  return {
    id: `key_${randomUUID()}`,
    ...owner,
    hash: hashKey(key),
    hint: form ? key.slice(0, form.prefixLength + HINT_RANDOM_CHARACTERS) : key.slice(0, HINT_RANDOM_CHARACTERS),
    revokedAtMs: null,
  };
}

/** What a key says about itself; `null` when it has not the form of one. Says nothing about whether it exists. */
export function parseKey(key: string): { kind: KeyKind; mode: KeyMode; prefixLength: number } | null {
  const match = FORM.exec(key);
  if (!match) return null;
  return {
    kind: match[1] === "s" ? "secret" : "publishable",
    mode: match[2] as KeyMode,
    prefixLength: key.length - (match[3] as string).length,
  };
}
