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

type Fields = ReadonlyMap<number, bigint | Uint8Array>;

/** Wire types. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** The fields of a message by number; of a repeated one the last. */
function fieldsOf(message: Uint8Array): Fields {
  const fields = new Map<number, bigint | Uint8Array>();
  const cursor = { bytes: message, at: 0 };
  while (cursor.at < message.length) {
    const tag = Number(varint(cursor));
    const wireType = tag & 7;
    if (wireType === VARINT) fields.set(tag >>> 3, varint(cursor));
    else if (wireType === BYTES) fields.set(tag >>> 3, take(cursor, Number(varint(cursor))));
    else if (wireType === FIXED64) take(cursor, 8);
    else if (wireType === FIXED32) take(cursor, 4);
    else throw new MalformedTransaction(`unknown wire type ${wireType}`);
  }
  return fields;
}

interface Cursor {
  bytes: Uint8Array;
  at: number;
}

/** As an unsigned number; what we read is never negative in a transaction that a chain takes. */
function varint(cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.bytes[cursor.at];
    if (byte === undefined) throw new MalformedTransaction("it ends within a number");
    cursor.at += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new MalformedTransaction("a number has more than 64 bits");
}

function take(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw new MalformedTransaction("it ends within a field");
  const taken = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return taken;
}

function bytesAt(fields: Fields, field: number): Uint8Array {
  const value = fields.get(field);
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function numberAt(fields: Fields, field: number): bigint {
  const value = fields.get(field);
  return typeof value === "bigint" ? value : 0n;
}
