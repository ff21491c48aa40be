/**
 * Reasons why Paybell does not start. They are for the person at the terminal: shown without a stack, as what is wrong,
 * where it comes from, and what to do.
 */
export interface StartupProblem {
  /** What is wrong, one sentence. */
  what: string;
  /** Where it comes from: a file and key, an environment variable, a flag, a path. */
  where: string;
  /** What is allowed, or the next step. */
  whatToDo: string;
}

export class StartupError extends Error {
  override readonly name = "StartupError";
  readonly problems: readonly [StartupProblem, ...StartupProblem[]];

  constructor(first: StartupProblem, ...others: StartupProblem[]) {
    super([first, ...others].map((problem) => `${problem.what} (${problem.where})`).join("; "));
    this.problems = [first, ...others];
  }
}
