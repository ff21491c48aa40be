/**
 * Addresses of the simulated chain: `sbx1`, 32 hex digits, and the first 8 hex digits of their SHA-256 as a checksum,
 * so that a mistyped address is refused as on a real chain.
 */
import { createHash } from "node:crypto";
import { InvalidAddress } from "../watcher.ts";

const PATTERN = /^sbx1([0-9a-f]{32})([0-9a-f]{8})$/;

const sha256Hex = (text: string): string => createHash("sha256").update(text).digest("hex");
const checksum = (payload: string): string => sha256Hex(payload).slice(0, 8);

/** The address that belongs to a seed; always the same one. */
export function addressFromSeed(seed: string): string {
  const payload = sha256Hex(`paybell sandbox address ${seed}`).slice(0, 32);
  return `sbx1${payload}${checksum(payload)}`;
}

/** The canonical form (lower case).
 * @throws InvalidAddress */
export function parseAddress(address: string): string {
  const canonical = address.toLowerCase();
  const match = PATTERN.exec(canonical);
  if (!match) throw new InvalidAddress("A sandbox address is `sbx1` followed by 40 hexadecimal digits.");
  if (checksum(match[1] as string) !== match[2]) {
    throw new InvalidAddress("The checksum of this sandbox address does not fit: a digit is wrong.");
  }
  return canonical;
}
