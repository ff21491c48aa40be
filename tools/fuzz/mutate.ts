/** Small, blind changes to bytes. What is worth keeping, coverage says. */

/** Numbers in [0, 1). */
export type Random = () => number;

/** Bytes at which lengths, counts and characters turn. */
const EDGES = [0, 1, 0x1f, 0x20, 0x22, 0x25, 0x2e, 0x2f, 0x3a, 0x5c, 0x7f, 0x80, 0xc0, 0xfc, 0xfd, 0xfe, 0xff];

/** What chance would hardly find. U+E000 is read as half of a surrogate pair by the parsers of text. */
const WORDS = [
  ...["__proto__", "constructor", "toString", "null", "true", "[]", "{}", "1e999", "-1", "9007199254740993", "\\ud800"],
  ...["%E0%A4%A", "%00", "\ue000", "\0", "\r\n", "::", "/", "0x", '"', ":", ",", " ", ".", "=", "[[[[[[[[", '{"a":'],
  ...["\xff\xff\xff\xff", "\xfd\xff\xff", "\xfe\xff\xff\xff\x7f"],
].map((word) => Buffer.from(word, word.includes("\xff") ? "latin1" : "utf8"));

/** Longer inputs would only be slower. */
const MAX_BYTES = 8_192;

/** One to four changes to one of the corpus; every third time to the newest, which has come furthest. */
export function mutate(corpus: readonly Buffer[], random: Random): Buffer {
  let input = random() < 0.3 ? (corpus.at(-1) as Buffer) : pick(corpus, random);
  for (let changes = 1 + int(4, random); changes > 0; changes -= 1) input = change(input, corpus, random);
  return input.subarray(0, MAX_BYTES);
}

function change(input: Buffer, corpus: readonly Buffer[], random: Random): Buffer {
  const at = int(input.length + 1, random);
  const end = Math.min(input.length, at + 1 + int(random() < 0.8 ? 4 : input.length + 1, random));
  const part = input.subarray(at, end);
  const between = (inserted: Buffer, from: number) =>
    Buffer.concat([input.subarray(0, at), inserted, input.subarray(from)]);
  switch (int(8, random)) {
    case 0:
      return between(Buffer.from([pick(EDGES, random)]), at + 1);
    case 1:
      return between(Buffer.from([(input[at] ?? 0) ^ (1 << int(8, random))]), at + 1);
    case 2:
      return between(Buffer.from([int(256, random)]), at);
    case 3:
      return between(pick(WORDS, random), random() < 0.5 ? at : end);
    case 4:
      return between(Buffer.alloc(0), end);
    case 5:
      return between(Buffer.concat(new Array<Buffer>(1 + int(64, random)).fill(part)), end);
    case 6:
      return input.subarray(0, at);
    default:
      return Buffer.concat([input.subarray(0, at), pick(corpus, random).subarray(int(input.length + 1, random))]);
  }
}

function int(below: number, random: Random): number {
  return Math.floor(random() * below);
}

function pick<T>(from: readonly T[], random: Random): T {
  return from[int(from.length, random)] as T;
}
