/**
 * What was signed: the bytes whose SHA-256 is the transaction's id. Amount, payer and memo of a transfer that is credited
 * are read from them and not from the node's JSON, whose numbers lose digits beyond 2^53, and which nothing binds to the
 * id. Source: protobuf encoding; Tron.proto (Transaction.raw), balance_contract.proto, smart_contract.proto.
 */
import { createHash } from "node:crypto";

/** `Transaction.Contract.ContractType`. */
const TRANSFER = 1n;
const TRIGGER = 31n;

export interface RawTransaction {
  /** `Transaction.raw.data`, which wallets call the memo; empty where there is none. */
  data: Uint8Array;
  /** Exactly one in every transaction; `null`: of a kind that moves neither TRX nor tokens by itself. */
  contract: RawTransfer | RawCall | null;
}

export interface RawTransfer {
  kind: "transfer";
  /** Lower-case hex with the prefix, like every address here. */
  owner: string;
  to: string;
  amountSun: bigint;
}

export interface RawCall {
  kind: "call";
  owner: string;
  contract: string;
  data: Uint8Array;
}

export class MalformedTransaction extends Error {
  override readonly name = "MalformedTransaction";
}

/** @returns lower-case hex */
export function txIdOf(rawDataHex: string): string {
  return createHash("sha256").update(Buffer.from(rawDataHex, "hex")).digest("hex");
}

/** @throws MalformedTransaction */
export function readRawTransaction(rawDataHex: string): RawTransaction {
  const raw = fieldsOf(Buffer.from(rawDataHex, "hex"));
  const contract = fieldsOf(bytesAt(raw, 11));
  const value = fieldsOf(bytesAt(fieldsOf(bytesAt(contract, 2)), 2));
  return { data: bytesAt(raw, 10), contract: readContract(numberAt(contract, 1), value) };
}

function readContract(type: bigint, value: Fields): RawTransaction["contract"] {
  const hexAt = (field: number) => Buffer.from(bytesAt(value, field)).toString("hex");
  switch (type) {
    case TRANSFER:
      return { kind: "transfer", owner: hexAt(1), to: hexAt(2), amountSun: numberAt(value, 3) };
    case TRIGGER:
      return { kind: "call", owner: hexAt(1), contract: hexAt(2), data: bytesAt(value, 4) };
    default:
      return null;
  }
}

/** By wire type, since a field that comes with another one than it should have is unknown, and changes nothing. */
interface Fields {
  numbers: ReadonlyMap<number, bigint>;
  bytes: ReadonlyMap<number, Uint8Array>;
}

/** Wire types. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const GROUP = 3;
const GROUP_END = 4;
const FIXED32 = 5;

/** Bytes of the longest number. */
const LONGEST_VARINT = 10;

/**
 * The fields of a message by number; of a repeated one the last. A contract's own bytes are as its sender wrote them, so
 * whatever java-tron's protobuf library accepts is read here as it reads it: padded numbers, unknown fields and groups.
 */
function fieldsOf(message: Uint8Array): Fields {
  const numbers = new Map<number, bigint>();
  const bytes = new Map<number, Uint8Array>();
  const cursor = { bytes: message, at: 0 };
  while (cursor.at < message.length) {
    const { field, wireType } = tagAt(cursor);
    if (wireType === VARINT) numbers.set(field, varint(cursor));
    else if (wireType === BYTES) bytes.set(field, take(cursor, lengthAt(cursor)));
    else skip(cursor, wireType);
  }
  return { numbers, bytes };
}

interface Cursor {
  bytes: Uint8Array;
  at: number;
}

function tagAt(cursor: Cursor): { field: number; wireType: number } {
  const tag = Number(BigInt.asUintN(32, varint(cursor)));
  return { field: tag >>> 3, wireType: tag & 7 };
}

function lengthAt(cursor: Cursor): number {
  return Number(BigInt.asUintN(32, varint(cursor)));
}

function skip(cursor: Cursor, first: number): void {
  let groups = 0;
  for (let wireType = first; ; { wireType } = tagAt(cursor)) {
    if (wireType === VARINT) varint(cursor);
    else if (wireType === BYTES) take(cursor, lengthAt(cursor));
    else if (wireType === FIXED64) take(cursor, 8);
    else if (wireType === FIXED32) take(cursor, 4);
    else if (wireType === GROUP) groups += 1;
    else if (wireType === GROUP_END && groups > 0) groups -= 1;
    else throw new MalformedTransaction(`unknown wire type ${wireType}`);
    if (groups === 0) return;
  }
}

/** As an unsigned number of 64 bits, whatever the last byte holds beyond them; what we read is never negative in a
 * transaction that a chain takes. */
function varint(cursor: Cursor): bigint {
  let value = 0n;
  for (let place = 0; place < LONGEST_VARINT; place += 1) {
    const byte = cursor.bytes[cursor.at];
    if (byte === undefined) throw new MalformedTransaction("it ends within a number");
    cursor.at += 1;
    value |= BigInt(byte & 0x7f) << BigInt(7 * place);
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new MalformedTransaction(`a number has more than ${LONGEST_VARINT} bytes`);
}

function take(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw new MalformedTransaction("it ends within a field");
  const taken = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return taken;
}

function bytesAt({ bytes }: Fields, field: number): Uint8Array {
  return bytes.get(field) ?? new Uint8Array();
}

function numberAt({ numbers }: Fields, field: number): bigint {
  return numbers.get(field) ?? 0n;
}
