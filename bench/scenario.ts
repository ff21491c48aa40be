/** What a benchmark is: one question, and the programs that are compared on it in the same minute. */

/** One run of one subject. */
export interface Sample {
  /** In the scenario's unit. */
  value: number;
  /** What else was seen; names carry their units. Shown as medians beside the value. */
  details: Readonly<Record<string, number>>;
}

export interface Subject {
  name: string;
  /** Where it stands on the curves of its scenario: what is counted, and how many. */
  on?: Readonly<Record<string, number>>;
  run(): Promise<Sample>;
}

/** The subjects of a scenario, ready to run; what they share is set up. */
export interface Plan {
  /** The first one is what the others are compared with. */
  subjects: readonly [Subject, ...Subject[]];
  dispose?(): Promise<void>;
}

/** How large a run is: `rounds`, and whatever else the scenario names. Overridden by `--set name=value`. */
export type Size = Readonly<Record<string, number>> & { readonly rounds: number };

export interface Scenario<S extends Size = Size> {
  name: string;
  title: string;
  /** What is measured and how, for the reader of the results. */
  about: string;
  unit: string;
  better: "higher" | "lower";
  /** The detail that is drawn as curves over what the subjects are `on`, instead of bars of the value. */
  curve?: string;
  /** What must be reached; `null`: nothing is promised. */
  goal: string | null;
  size: S;
  /** To see that everything works; its figures mean nothing. */
  small: S;
  plan(size: S): Promise<Plan>;
}

/** A scenario whose size is checked where it is written. */
export function scenario<S extends Size>(definition: Scenario<S>): Scenario {
  return definition as unknown as Scenario;
}

/** Ends the scenario with what is wrong: a figure from a run that failed in part is not one. */
export function mustHold(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
