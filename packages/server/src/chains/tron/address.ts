/**
 * Addresses: base58check as people write them (`T…`), and the node's hex (`41…`), which is the match key, because blocks
 * carry it and nothing has to be decoded for the transactions of others.
 * Source: TRON protocol, "Account"; the same prefix on every network.
 */
import { createHash } from "node:crypto";
import { createBase58check } from "@scure/base";
import { InvalidAddress } from "../watcher.ts";

const base58check = createBase58check((bytes: Uint8Array) => createHash("sha256").update(bytes).digest());

/** Of a main network address, also on today's test networks. */
const PREFIX = 0x41;
const PREFIX_HEX = "41";
const ADDRESS_BYTES = 21;
/** Base58 takes time that grows with the square of the length; an address has 34 characters. */
const MAX_CHARACTERS = 64;
/** Characters of 32 bytes of hex, as the virtual machine keeps an address, before the address itself. */
const WORD_PADDING = 24;

/**
 * @returns lower-case hex with its prefix, 42 characters
 * @throws InvalidAddress naming what is wrong and what is allowed
 */
export function hexOf(address: string): string {
  const bytes = decoded(address);
  if (bytes.length !== ADDRESS_BYTES || bytes[0] !== PREFIX) {
    throw new InvalidAddress("Not a TRON address: TRON's begin with T and have 34 characters.");
  }
  return Buffer.from(bytes).toString("hex");
}

/** The one way of writing an address in base58, from the node's hex. */
export function base58Of(hex: string): string {
  return base58check.encode(Buffer.from(hex, "hex"));
}

/** The address in a word of the virtual machine (a log's topic, an argument of a call), as the node's hex. */
export function hexOfWord(word: string): string {
  return PREFIX_HEX + word.slice(WORD_PADDING);
}

/** The address of a log, which comes without its prefix, as the node's hex elsewhere. */
export function hexOfLogAddress(address: string): string {
  return PREFIX_HEX + address;
}

function decoded(address: string): Uint8Array {
  if (/^(0x|41)[0-9a-fA-F]{40}$/.test(address)) {
    throw new InvalidAddress("In hex an address has no checksum: write it in base58, beginning with T.");
  }
  if (address.length <= MAX_CHARACTERS) {
    try {
      return base58check.decode(address);
    } catch {
      // What is wrong with it is said below, for every reason.
    }
  }
  throw new InvalidAddress("Not a TRON address: its base58 or its checksum is wrong. TRON's begin with T.");
}
