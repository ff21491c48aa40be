/** Writing protobuf messages, as far as TRON's blocks need it. Fields are given in the order of their numbers. */

type Field = readonly [number: number, value: number | Uint8Array | readonly Uint8Array[]];

/** Zeros and empty values are left out, as proto3 does. */
export function message(...fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([number, value]) => encode(number, value)));
}

function encode(number: number, value: Field[1]): Uint8Array[] {
  if (typeof value === "number") return value === 0 ? [] : [varint(number << 3), varint(value)];
  const all = value instanceof Uint8Array ? [value] : value;
  return all
    .filter(({ length }) => length > 0)
    .flatMap((bytes) => [varint((number << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}
