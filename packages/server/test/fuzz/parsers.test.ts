/**
 * Damaged inputs, made by generators, on every parser that meets the outside: each gives a value of its type or throws
 * its documented error, and does not hang. FUZZ_SEED repeats a run. The same parsers under coverage: guided.test.ts.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attempt, type Target } from "../../testkit/fuzz/target.ts";
import { TARGETS } from "../../testkit/fuzz/targets.ts";
import { hostileJson, hostileText, mutatedBytes, mutatedText, runs } from "./hostile.ts";

/** As the targets read it: U+E000 stands for half of a surrogate pair. */
const encoded = (text: string) => Buffer.from(text.replace(/\p{Surrogate}/gu, "\ue000"));

function inputsFor(target: Target): fc.Arbitrary<Buffer> {
  const texts = target.samples.map(String);
  const json = texts.filter((text) => /^[{[]/.test(text)).map((text) => JSON.parse(text) as unknown);
  return fc.oneof(
    mutatedBytes(target.samples),
    mutatedText(texts).map(encoded),
    hostileText.map(encoded),
    ...(json.length > 0 ? [hostileJson(...json).map(encoded)] : []),
  );
}

describe.each(TARGETS)("the parser of $name", (target) => {
  it("reads at least one of its samples", async () => {
    const outcomes = await Promise.all(target.samples.map((sample) => attempt(target, sample)));
    expect(outcomes).toContain("read");
  });

  it("reads whatever else it is given, or refuses it as documented", async () => {
    await fc.assert(
      fc.asyncProperty(inputsFor(target), async (input) => {
        await attempt(target, input);
      }),
      runs(300),
    );
  });
});

/** Found once by the generators or by the coverage-guided runs: each of them was a crash, or was taken for what it is not. */
it.each([
  ["topic", "constructor:sandbox"],
  ["topic", "__proto__:sandbox"],
  ["position", "1a2b.00.007"],
  ["environment", "PAYBELL_SANDBOX_PUBLIC=constructor"],
  ["config", `${'{"mode":'.repeat(20_000)}1${"}".repeat(20_000)}`],
  ["bitcoin-cursor", `{"height":-1,"hashes":["${"00".repeat(32)}"]}`],
])("%s: %s is refused as documented", async (name, input) => {
  const target = TARGETS.find((known) => known.name === name) as Target;
  await attempt(target, Buffer.from(input));
});
