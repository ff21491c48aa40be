/**
 * The seal of a message: an HMAC-SHA256 by a key that only those have who share the database. Redis may be used by others,
 * and who can publish there must not be believed for it.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";

/** Of base64url, without padding. */
export const SEAL_CHARS = 43;

/** The key of one channel: what was sealed for another one, or in an earlier epoch, has a wrong seal here. */
export function sealKey(secret: Buffer, channel: string): KeyObject {
  return createSecretKey(createHmac("sha256", secret).update(channel).digest());
}

/** Of two parts that follow each other. */
export function seal(key: KeyObject, first: Buffer, rest: Buffer): string {
  return createHmac("sha256", key).update(first).update(rest).digest("base64url");
}

/** @param given `SEAL_CHARS` of text */
export function isSealed(key: KeyObject, given: Buffer, first: Buffer, rest: Buffer): boolean {
  const right = Buffer.from(seal(key, first, rest), "latin1");
  return given.length === right.length && timingSafeEqual(given, right);
}
