/** What is wrong with the configuration: everything at once, each with its place and what is allowed. */
import { StartupError } from "../kit/startup-error.ts";

export interface ConfigProblem {
  /** What is wrong: `"prot" is not known`. */
  what: string;
  /** Where it stands: `paybell.config.json: prot`, `environment: PAYBELL_PROT`, `--prot`. */
  where: string;
  /** What is allowed, or what to do. */
  whatToDo: string;
}

export class ConfigError extends StartupError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(
      problems.map(({ where, what }) => `${where}: ${what}`).join("\n"),
      problems.map(({ whatToDo }) => whatToDo).join("\n"),
    );
    this.problems = problems;
  }
}
