/** Runs a plan round by round (A B A B …), so that what else happens on the machine meets all subjects alike. */
import type { Plan, Sample } from "./scenario.ts";
import { type Spread, spread } from "./statistics.ts";

export interface SubjectResult {
  name: string;
  on: Readonly<Record<string, number>>;
  value: Spread;
  /** The first subject's value divided by this one's, round by round; `null` for the first itself. */
  ratio: Spread | null;
  /** Medians. */
  details: Readonly<Record<string, number>>;
}

export async function runRounds(
  plan: Plan,
  rounds: number,
  progress: (line: string) => void,
): Promise<readonly SubjectResult[]> {
  const samples = new Map<string, Sample[]>(plan.subjects.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const subject of plan.subjects) {
      const sample = await subject.run();
      samples.get(subject.name)?.push(sample);
      progress(`round ${round}/${rounds}  ${subject.name}: ${describe(sample)}`);
    }
  }
  const first = samples.get(plan.subjects[0].name) ?? [];
  return plan.subjects.map(({ name, on = {} }) => ({ ...summarise(name, samples.get(name) ?? [], first), on }));
}

function summarise(name: string, samples: readonly Sample[], first: readonly Sample[]): Omit<SubjectResult, "on"> {
  const names = new Set(samples.flatMap(({ details }) => Object.keys(details)));
  return {
    name,
    value: spread(samples.map(({ value }) => value)),
    ratio:
      samples === first ? null : spread(samples.map(({ value }, round) => (first[round]?.value ?? Number.NaN) / value)),
    details: Object.fromEntries(
      [...names].map((detail) => [detail, spread(samples.flatMap(({ details }) => details[detail] ?? [])).median]),
    ),
  };
}

function describe({ value, details }: Sample): string {
  const rest = Object.entries(details).map(([name, number]) => `${name} ${figure(number)}`);
  return [figure(value), ...rest].join(", ");
}

/** A number as a person reads it: three digits that matter, thousands apart. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString("en-GB");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}
