/**
 * Finds the transactions that concern us in raw bytes: those that pay a watched script, and those that spend an
 * outpoint which a tracked transaction spends too. One pass; nothing is allocated for an output whose length rules it
 * out, and a transaction is hashed only when it matches. The cost does not depend on how many scripts are watched.
 * Source: BIP144 (serialisation), BIP125 (replaceability).
 */
import { hash } from "node:crypto";
import { SCRIPT_LENGTHS } from "./address.ts";

export class MalformedTransaction extends Error {
  override readonly name = "MalformedTransaction";
}

export interface PaidOutput {
  /** Position in the transaction (`vout`). */
  vout: number;
  amountAtomic: bigint;
  /** scriptPubKey, hex. */
  recipient: string;
}

export interface ScannedTransaction {
  txId: string;
  /** Outputs to watched scripts. */
  outputs: readonly PaidOutput[];
  /** `txid:vout` of every input; empty for a coinbase. */
  spends: readonly string[];
  /** An input says so itself (BIP125); inherited replaceability only the node knows. */
  signalsReplaceability: boolean;
}

/** What to look for. Both are asked once per candidate, so they must be O(1). */
export interface Interest {
  watches(recipient: string): boolean;
  /** Is this outpoint, as 36 raw bytes in hex, spent by a transaction that is followed? */
  spends(outpointHex: string): boolean;
  /** `false`: nothing is followed, and inputs need not be looked at. */
  readonly anySpends: boolean;
}

const OUTPOINT_BYTES = 36;
/** Outpoint, length of an empty script, sequence. */
const MIN_INPUT_BYTES = OUTPOINT_BYTES + 1 + 4;
/** Value, length of an empty script. */
const MIN_OUTPUT_BYTES = 8 + 1;
const COINBASE_OUTPOINT = `${"00".repeat(32)}ffffffff`;
/** Sequence numbers from here on do not signal replaceability (BIP125). */
const FINAL_SEQUENCE = 0xfffffffe;

export function doubleSha256(bytes: Uint8Array): Buffer {
  return hash("sha256", hash("sha256", bytes, "buffer"), "buffer");
}

/** Hashes are shown with their bytes reversed. */
export function displayHash(bytes: Buffer): string {
  return Buffer.from(bytes).reverse().toString("hex");
}

/** `txid:vout` → 36 raw bytes in hex, the form in which inputs are compared. */
export function outpointHexOf(spend: string): string {
  const [txId = "", vout = ""] = spend.split(":");
  const bytes = Buffer.alloc(OUTPOINT_BYTES);
  Buffer.from(txId, "hex").reverse().copy(bytes);
  bytes.writeUInt32LE(Number(vout), 32);
  return bytes.toString("hex");
}

/** Walks over the transactions in a buffer. */
export class TransactionScanner {
  readonly #bytes: Buffer;
  readonly #interest: Interest;
  #offset: number;

  constructor(bytes: Buffer, interest: Interest, offset = 0) {
    this.#bytes = bytes;
    this.#interest = interest;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  /**
   * Reads the next transaction.
   * @returns `null` when it does not concern us
   * @throws MalformedTransaction
   */
  next(): ScannedTransaction | null {
    const start = this.#offset;
    this.#skip(4, "version");
    const hasWitness = this.#bytes[this.#offset] === 0 && this.#bytes[this.#offset + 1] === 1;
    if (hasWitness) this.#offset += 2;
    const inputsStart = this.#offset;
    const inputCount = this.count(MIN_INPUT_BYTES, "inputs");
    const spendsTracked = this.#inputs(inputCount);
    const outputsStart = this.#offset;
    const paysWatched = this.#outputs();
    const outputsEnd = this.#offset;
    if (hasWitness) this.#witnesses(inputCount);
    const lockTimeStart = this.#offset;
    this.#skip(4, "lock time");
    if (!spendsTracked && !paysWatched) return null;
    const base = hasWitness
      ? Buffer.concat([
          this.#bytes.subarray(start, start + 4),
          this.#bytes.subarray(inputsStart, outputsEnd),
          this.#bytes.subarray(lockTimeStart, lockTimeStart + 4),
        ])
      : this.#bytes.subarray(start, this.#offset);
    const end = this.#offset;
    const found = this.#collect(displayHash(doubleSha256(base)), inputsStart, outputsStart);
    this.#offset = end;
    return found;
  }

  /**
   * A CompactSize that counts things of at least `minBytes` bytes each.
   * @throws MalformedTransaction when there is not room for so many: a hostile count must not start a long loop
   */
  count(minBytes: number, what: string): number {
    const count = this.#compactSize(what);
    if (count * minBytes > this.#bytes.length - this.#offset) {
      throw this.#malformed(`${count} ${what} are announced, more than fit into what is left`);
    }
    return count;
  }

  #inputs(count: number): boolean {
    if (count === 0) throw this.#malformed("there are no inputs");
    const { anySpends } = this.#interest;
    let tracked = false;
    for (let index = 0; index < count; index += 1) {
      const outpoint = this.#skip(OUTPOINT_BYTES, "outpoint");
      if (anySpends && !tracked) {
        tracked = this.#interest.spends(this.#bytes.toString("hex", outpoint, outpoint + OUTPOINT_BYTES));
      }
      this.#skip(this.#compactSize("input script"), "input script");
      this.#skip(4, "sequence");
    }
    return tracked;
  }

  #outputs(): boolean {
    const count = this.count(MIN_OUTPUT_BYTES, "outputs");
    let watched = false;
    for (let index = 0; index < count; index += 1) {
      this.#skip(8, "value");
      const length = this.#compactSize("output script");
      const script = this.#skip(length, "output script");
      if (!watched && SCRIPT_LENGTHS.has(length)) {
        watched = this.#interest.watches(this.#bytes.toString("hex", script, script + length));
      }
    }
    return watched;
  }

  #witnesses(inputCount: number): void {
    for (let index = 0; index < inputCount; index += 1) {
      const items = this.count(1, "witness items");
      for (let item = 0; item < items; item += 1) this.#skip(this.#compactSize("witness item"), "witness item");
    }
  }

  /** Second look at a transaction that matched: now with all its parts. */
  #collect(txId: string, inputsStart: number, outputsStart: number): ScannedTransaction {
    const spends: string[] = [];
    let signalsReplaceability = false;
    this.#offset = inputsStart;
    for (let left = this.#compactSize("inputs"); left > 0; left -= 1) {
      const outpoint = this.#skip(OUTPOINT_BYTES, "outpoint");
      const raw = this.#bytes.subarray(outpoint, outpoint + OUTPOINT_BYTES);
      if (raw.toString("hex") !== COINBASE_OUTPOINT) {
        spends.push(`${displayHash(raw.subarray(0, 32))}:${raw.readUInt32LE(32)}`);
      }
      this.#skip(this.#compactSize("input script"), "input script");
      if (this.#bytes.readUInt32LE(this.#skip(4, "sequence")) < FINAL_SEQUENCE) signalsReplaceability = true;
    }
    this.#offset = outputsStart;
    const outputs: PaidOutput[] = [];
    const count = this.#compactSize("outputs");
    for (let vout = 0; vout < count; vout += 1) {
      const value = this.#skip(8, "value");
      const length = this.#compactSize("output script");
      const script = this.#skip(length, "output script");
      if (!SCRIPT_LENGTHS.has(length)) continue;
      const recipient = this.#bytes.toString("hex", script, script + length);
      if (!this.#interest.watches(recipient)) continue;
      outputs.push({ vout, amountAtomic: this.#bytes.readBigUInt64LE(value), recipient });
    }
    return { txId, outputs, spends, signalsReplaceability };
  }

  /** Returns where the skipped bytes begin. */
  #skip(length: number, what: string): number {
    const start = this.#offset;
    if (length > this.#bytes.length - start) throw this.#malformed(`the ${what} is cut off`);
    this.#offset = start + length;
    return start;
  }

  #compactSize(what: string): number {
    const first = this.#bytes[this.#skip(1, `length of ${what}`)] as number;
    if (first < 0xfd) return first;
    if (first === 0xfd) return this.#bytes.readUInt16LE(this.#skip(2, `length of ${what}`));
    if (first === 0xfe) return this.#bytes.readUInt32LE(this.#skip(4, `length of ${what}`));
    // Nothing of 4 GB or more is valid, and a number beyond 2^53 would be inexact.
    throw this.#malformed(`the length of ${what} is impossible`);
  }

  #malformed(why: string): MalformedTransaction {
    return new MalformedTransaction(`Malformed transaction at byte ${this.#offset} of ${this.#bytes.length}: ${why}.`);
  }
}

/**
 * Scans a single transaction, as ZMQ and getrawtransaction give it.
 * @throws MalformedTransaction
 */
export function scanTransaction(bytes: Buffer, interest: Interest): ScannedTransaction | null {
  const scanner = new TransactionScanner(bytes, interest);
  const found = scanner.next();
  if (scanner.offset !== bytes.length) {
    throw new MalformedTransaction(`${bytes.length - scanner.offset} bytes follow the transaction.`);
  }
  return found;
}
