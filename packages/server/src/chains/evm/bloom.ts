/**
 * May a block have logs of this kind? Its header's bloom filter says no for sure, or perhaps.
 * Source: Ethereum yellow paper, 4.3.1, "M3:2048".
 */
import { keccak256 } from "viem/utils";

const BITS = 2_048;
const BYTES = BITS / 8;

/** The three bits that an address or a topic sets. */
export type BloomBits = readonly { byte: number; mask: number }[];

/** @param bytes lower-case hex with 0x */
export function bloomBits(bytes: string): BloomBits {
  const digest = keccak256(bytes as `0x${string}`, "bytes");
  return [0, 2, 4].map((at) => {
    const bit = (((digest[at] ?? 0) << 8) | (digest[at + 1] ?? 0)) % BITS;
    return { byte: BYTES - 1 - (bit >> 3), mask: 1 << (bit & 7) };
  });
}

/** A block's filter. Some networks leave it empty though there are logs: then it says nothing. */
export class LogsBloom {
  readonly #bytes: Buffer;
  readonly #silent: boolean;

  /** @param hex with 0x */
  constructor(hex: string) {
    this.#bytes = Buffer.from(hex.slice(2), "hex");
    this.#silent = this.#bytes.length !== BYTES || this.#bytes.every((byte) => byte === 0);
  }

  mayHave(bits: BloomBits): boolean {
    return this.#silent || bits.every(({ byte, mask }) => ((this.#bytes[byte] ?? 0) & mask) !== 0);
  }
}
