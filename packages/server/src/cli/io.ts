import type { Writable } from "node:stream";

/** What a command has of the world around it; a test gives it another one. */
export interface CliIo {
  /** Results: what a script would read. */
  out(text: string): void;
  /** Everything said to the person beside it. */
  err(text: string): void;
  environment: Readonly<Record<string, string | undefined>>;
  /** Relative paths are relative to it. */
  cwd: string;
  /** May colours be written to `out`? */
  colours: boolean;
  /** What is piped in; left out where that is a keyboard. Asked for only by who reads it. */
  input?: AsyncIterable<Uint8Array> | undefined;
  /** Where to large results flow, as fast as they are taken; left out where that is a screen. */
  output?: Writable | undefined;
}

/** How the program is called from where it was started: npm scripts do not put it on the PATH. */
export function calledAs({ environment }: Pick<CliIo, "environment">): string {
  return environment.npm_lifecycle_event === undefined ? "paybell" : "npm run paybell --";
}

/** What was asked for cannot be done; shown without a stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** What to do about it, one sentence. */
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** The command has run, and said itself what is wrong: exit code 1, and nothing more to print. */
export class Unsuccessful extends Error {
  override readonly name = "Unsuccessful";
}
