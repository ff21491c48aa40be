/** Coverage-guided trials on one parser: an input that reaches code which none before it has reached is kept, and the
 * next ones are made from it. */
import type { Profiler } from "node:inspector/promises";
import type { Target } from "../../packages/server/testkit/fuzz/target.ts";
import type { Coverage } from "./coverage.ts";
import { mutate, type Random } from "./mutate.ts";

/** Inputs between two looks at the coverage: a look takes as long as dozens of inputs. */
const BATCH = 50;

export interface Bounds {
  random: Random;
  runs: number;
  /** `performance.now()` at which it ends, if not before. */
  untilMs: number;
}

export interface Figures {
  name: string;
  runs: number;
  /** Not refused, but read. */
  read: number;
  /** Inputs kept because they reached something new, the samples included. */
  corpus: number;
  /** Characters of the parser's functions that were executed, and all of them. */
  executed: number;
  of: number;
  findings: string[];
}

export type Attempt = (target: Target, input: Buffer) => Promise<"read" | "refused">;

export async function fuzz(
  target: Target,
  { attempt, coverage, sources }: { attempt: Attempt; coverage: Coverage; sources: readonly Profiler.ScriptCoverage[] },
  { random, runs, untilMs }: Bounds,
): Promise<Figures> {
  const figures = { name: target.name, runs: 0, read: 0, findings: new Map<string, string>() };
  const corpus = [...target.samples];
  const tryOut = async (input: Buffer) => {
    figures.runs += 1;
    try {
      if ((await attempt(target, input)) === "read") figures.read += 1;
    } catch (error) {
      // One of each kind: the same mistake is found thousands of times.
      const kind = String((error as Error).cause).split("\n")[0] as string;
      if (!figures.findings.has(kind)) figures.findings.set(kind, String(error));
    }
  };
  await coverage.watch(target.files, sources);
  for (const sample of corpus) await tryOut(sample);
  coverage.add(await coverage.take());
  while (figures.runs < runs && performance.now() < untilMs) {
    const batch = Array.from({ length: BATCH }, () => mutate(corpus, random));
    for (const input of batch) await tryOut(input);
    if (!coverage.hasNew(await coverage.take())) continue;
    for (const input of batch) {
      await tryOut(input);
      if (coverage.add(await coverage.take())) corpus.push(input);
    }
  }
  return { ...figures, corpus: corpus.length, ...coverage.share, findings: [...figures.findings.values()] };
}
