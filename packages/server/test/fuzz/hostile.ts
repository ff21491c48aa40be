/** Generators of what a hostile or broken client might send: valid things that were damaged, and things that never were. */
import fc from "fast-check";

/** Names that every object has by birth: a table that is asked without care knows them. */
export const BIRTH_NAMES = ["__proto__", "constructor", "toString", "valueOf", "hasOwnProperty", "prototype"] as const;

/** JSON text that `JSON.stringify` would not write. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const RAW_LEAVES = [
  "1e999",
  "-1e999",
  "-0",
  "1e-400",
  "9007199254740993",
  "123456789012345678901234567890",
  '"\\ud800"',
  '"\\u0000"',
  '"\\u202e"',
  '{"__proto__":1}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"toString":1,"valueOf":2}',
  `${"[".repeat(2_000)}${"]".repeat(2_000)}`,
  `${'{"a":'.repeat(500)}1${"}".repeat(500)}`,
].map((text) => new Raw(text));

const unit = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 7, 10, 13, 0x7f, 0x85, 0xa0, 0x2028, 0xfeff, 0xfffd, 0xffff) },
  // Halves of surrogate pairs, alone.
  { weight: 1, arbitrary: fc.integer({ min: 0xd800, max: 0xdfff }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
);

/** UTF-16 of any kind, most of it short. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.array(unit, { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(...BIRTH_NAMES),
  fc.constantFrom("", " ", "null", "undefined", "NaN", "-1", "0x10", "1e9", "01", "9".repeat(40), "\0", "../..", "%00"),
  fc.constantFrom("%E0%A4%A", "%", "%zz", "\u202e", "\ud800", "\udfff\ud800", "'; DROP TABLE payments; --", "\r\nX: y"),
  fc
    .tuple(fc.constantFrom("a", "\u20ac", "2", "[", ":", "\ud83d\ude00"), fc.integer({ min: 1, max: 5_000 }))
    .map(repeated),
);

function repeated([text, count]: [string, number]): string {
  return text.repeat(count);
}

const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...RAW_LEAVES),
  hostileText,
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 2 ** 53, [], {}, [null], [[]], { a: null }),
);

/** The value with one place of it, or several, changed into what does not belong there. */
function damaged(value: unknown): fc.Arbitrary<unknown> {
  if (Array.isArray(value)) {
    return fc.oneof(
      leaf,
      leaf.map((extra) => [...value, extra]),
      ...value.map((item, place) => damaged(item).map((now) => value.with(place, now))),
    );
  }
  if (typeof value !== "object" || value === null || value instanceof Raw) return leaf;
  const entries = Object.entries(value);
  return fc.oneof(
    leaf,
    fc
      .tuple(fc.oneof(fc.constantFrom(...BIRTH_NAMES), hostileText), leaf)
      .map((extra) => asObject([...entries, extra])),
    ...entries.flatMap(([name, inner], place) => [
      fc.constant(asObject(entries.toSpliced(place, 1))),
      damaged(inner).map((now) => asObject(entries.with(place, [name, now]))),
    ]),
  );
}

/** Also with names that an object literal would not take as its own. */
function asObject(entries: readonly (readonly [string, unknown])[]): unknown {
  const made = {};
  for (const [name, value] of entries) {
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return made;
}

function jsonText(value: unknown): string {
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}:${jsonText(inner)}`)}}`;
}

/** JSON texts that are like these values, but wrong in one to three places; some are no JSON at all. */
export function hostileJson(...valid: readonly unknown[]): fc.Arbitrary<string> {
  const once = fc.constantFrom(...valid).chain(damaged);
  const several = fc.oneof({ weight: 3, arbitrary: once }, { weight: 1, arbitrary: once.chain(damaged) });
  return fc.oneof(
    { weight: 6, arbitrary: several.map(jsonText) },
    { weight: 1, arbitrary: mutatedText(valid.map((value) => JSON.stringify(value))) },
    { weight: 1, arbitrary: hostileText },
  );
}

interface Edit {
  at: number;
  remove: number;
  insert: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(10_000),
  remove: fc.oneof(fc.constant(0), fc.nat(8), fc.nat(10_000)),
  insert: fc.oneof(fc.constant(""), hostileText),
});

/** One of these texts, after one to four edits at random places. */
export function mutatedText(samples: readonly string[]): fc.Arbitrary<string> {
  return fc.tuple(fc.constantFrom(...samples), fc.array(edit, { minLength: 1, maxLength: 4 })).map(([sample, edits]) =>
    edits.reduce((text, { at, remove, insert }) => {
      const start = at % (text.length + 1);
      return text.slice(0, start) + insert + text.slice(start + remove);
    }, sample),
  );
}

const bytes = fc
  .oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom(
      [0xff],
      [0xfd, 0xff, 0xff],
      [0xfe, 0xff, 0xff, 0xff, 0x7f],
      [0xff, 255, 255, 255, 255, 255, 255, 255, 255],
    ),
  )
  .map((values) => Buffer.from(values));

/** One of these byte strings, after one to four edits at random places. */
export function mutatedBytes(samples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const change = fc.record({ at: fc.nat(100_000), remove: fc.oneof(fc.nat(3), fc.nat(200)), insert: bytes });
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([sample, changes]) =>
      changes.reduce((all, { at, remove, insert }) => {
        const start = at % (all.length + 1);
        return Buffer.concat([all.subarray(0, start), insert, all.subarray(start + remove)]);
      }, sample),
    );
}

/** Set to repeat a run that failed; it is printed with the failure. */
export const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2_147_483_647);

/** What to hand to `fc.assert` and `fc.sample`. Under another name another sequence comes from the same seed. */
export function runs(numRuns: number, name = ""): { seed: number; numRuns: number } {
  const salt = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 0);
  return { seed: SEED ^ salt, numRuns };
}

/** Inputs that are tried at once by `eachAtOnce`. */
const TOGETHER = 25;
/** Of an input that failed, so much is shown. */
const SHOWN_CHARS = 2_000;

/** Tries each of the inputs, some at once; what fails says the seed and the input. */
export async function eachAtOnce<T>(inputs: readonly T[], tryOut: (input: T) => Promise<void>): Promise<void> {
  for (let next = 0; next < inputs.length; next += TOGETHER) {
    await Promise.all(
      inputs.slice(next, next + TOGETHER).map(async (input) => {
        try {
          await tryOut(input);
        } catch (error) {
          throw new Error(`Seed ${SEED}: ${shown(input)}`, { cause: error });
        }
      }),
    );
  }
}

/** Bytes in hex, everything else as JSON. */
export function shown(input: unknown): string {
  return [input]
    .flat()
    .map((part) => (Buffer.isBuffer(part) ? part.toString("hex") : JSON.stringify(part)))
    .join(" ")
    .slice(0, SHOWN_CHARS);
}
