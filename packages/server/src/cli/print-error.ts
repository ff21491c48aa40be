/** Errors as a person at a terminal wants them: what is wrong, where, what to do. No stack, unless it is our fault. */
import { ConfigError } from "../config/config-error.ts";
import { messageOf, PaybellError } from "../kit/errors.ts";
import { StartupError } from "../kit/startup-error.ts";
import { MovingError } from "../storage/moving/moving.ts";
import { type CliIo, CommandError } from "./io.ts";

export const EXIT = {
  /** It was tried and failed. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
} as const;

/** Prints the error and returns the exit code. */
export function printError(error: unknown, io: CliIo): number {
  if (error instanceof ConfigError) {
    io.err("paybell: the configuration is wrong; nothing was started.\n");
    for (const { where, what, whatToDo } of error.problems) io.err(`\n  ${where}\n    ${what}\n    ${whatToDo}\n`);
    return EXIT.usage;
  }
  if (error instanceof StartupError || error instanceof MovingError) {
    io.err(`paybell: ${error.message}\n  ${error.hint}\n`);
    return EXIT.failed;
  }
  if (error instanceof CommandError) {
    io.err(`paybell: ${error.message}\n  ${error.hint}\n`);
    return EXIT.usage;
  }
  if (error instanceof PaybellError) {
    io.err(`paybell: ${error.message}\n  ${error.spec.whatToDo}\n`);
    return EXIT.failed;
  }
  io.err(`paybell: ${messageOf(error)}\n${error instanceof Error ? `${error.stack}\n` : ""}`);
  return EXIT.failed;
}
