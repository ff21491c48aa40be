/**
 * An assembler for the contracts of the tests: opcodes by name, labels by `@name`, the rest are numbers to be pushed.
 * Source: Ethereum yellow paper, appendix H.2.
 */

const OPCODES: Readonly<Record<string, number>> = {
  STOP: 0x00,
  ADD: 0x01,
  MUL: 0x02,
  SUB: 0x03,
  DIV: 0x04,
  LT: 0x10,
  GT: 0x11,
  EQ: 0x14,
  ISZERO: 0x15,
  SHL: 0x1b,
  SHR: 0x1c,
  CALLER: 0x33,
  CALLVALUE: 0x34,
  CALLDATALOAD: 0x35,
  CALLDATASIZE: 0x36,
  CODECOPY: 0x39,
  POP: 0x50,
  MSTORE: 0x52,
  SLOAD: 0x54,
  SSTORE: 0x55,
  JUMP: 0x56,
  JUMPI: 0x57,
  GAS: 0x5a,
  JUMPDEST: 0x5b,
  DUP1: 0x80,
  DUP2: 0x81,
  DUP3: 0x82,
  DUP4: 0x83,
  SWAP1: 0x90,
  LOG3: 0xa3,
  CALL: 0xf1,
  RETURN: 0xf3,
  REVERT: 0xfd,
};

const PUSH1 = 0x60;
const PUSH2 = 0x61;

/** `name:` marks a place that can be jumped to, `@name` pushes it. Numbers are decimal or 0x hex, at most 32 bytes.
 * @returns hex without 0x */
export function assemble(source: string): string {
  const words = source
    .split("\n")
    .map((line) => line.replace(/;.*/, ""))
    .join(" ")
    .split(/\s+/)
    .filter((word) => word !== "");
  const places = new Map<string, number>();
  let size = 0;
  for (const word of words) {
    if (word.endsWith(":")) places.set(word.slice(0, -1), size);
    size += sizeOf(word);
  }
  return words.map((word) => encode(word, places)).join("");
}

/** Code that puts this contract on the chain: hex with 0x. */
export function deployment(contract: string): `0x${string}` {
  const prelude = (at: number) => assemble(`0x${hex(contract.length / 2, 2)} DUP1 0x${hex(at, 2)} 0 CODECOPY 0 RETURN`);
  return `0x${prelude(prelude(0).length / 2)}${contract}`;
}

function sizeOf(word: string): number {
  if (word.endsWith(":") || word in OPCODES) return 1;
  return word.startsWith("@") ? 3 : 1 + bytesOf(word).length / 2;
}

function encode(word: string, places: ReadonlyMap<string, number>): string {
  if (word.endsWith(":")) return hex(OPCODES.JUMPDEST ?? 0, 1);
  const opcode = OPCODES[word];
  if (opcode !== undefined) return hex(opcode, 1);
  if (!word.startsWith("@")) return pushed(bytesOf(word));
  const place = places.get(word.slice(1));
  if (place === undefined) throw new Error(`No such place: ${word}`);
  return hex(PUSH2, 1) + hex(place, 2);
}

function pushed(bytes: string): string {
  return hex(PUSH1 + bytes.length / 2 - 1, 1) + bytes;
}

/** As many as are written, for hex; as few as possible for decimal. */
function bytesOf(word: string): string {
  const digits = word.startsWith("0x") ? word.slice(2) : BigInt(word).toString(16);
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}

function hex(number: number, bytes: number): string {
  return number.toString(16).padStart(bytes * 2, "0");
}
