/** The command line as a whole. */
import { Command, CommanderError } from "commander";
import { doctorCommand } from "./doctor.ts";
import { exportCommand } from "./export.ts";
import { importCommand } from "./import.ts";
import { type CliIo, Unsuccessful } from "./io.ts";
import { keysCommand } from "./keys.ts";
import { merchantsCommand } from "./merchants.ts";
import { migrateCommand } from "./migrate.ts";
import { newEpochCommand } from "./new-epoch.ts";
import { EXIT, printError } from "./print-error.ts";
import { startCommand } from "./start.ts";

const HELP = `
Examples:
  paybell start                              try everything on a simulated chain
  paybell merchants create "Corner Shop"     then: paybell keys create corner-shop
  paybell keys revoke key_…                  in force within seconds, without a restart
  paybell export --out shop.jsonl.gz         the whole database, to be imported elsewhere
  paybell doctor                             what is wrong here, and what to do

Run it with "npx paybell …"; in a clone of the repository with "npm run paybell -- …".
Exit codes: 0 done, 1 it failed, 2 the command line or the configuration is wrong.
`;

/** Runs one command line. Resolves with the exit code; \`start\` resolves when the server runs. */
export async function runProgram(args: readonly string[], io: CliIo, version: string): Promise<number> {
  const program = new Command("paybell")
    .description("Rings every client the moment a payment changes, on whatever wire it already speaks.")
    .version(version, "-v, --version")
    .addHelpText("after", HELP)
    .addCommand(startCommand(io, version))
    .addCommand(merchantsCommand(io))
    .addCommand(keysCommand(io))
    .addCommand(migrateCommand(io))
    .addCommand(exportCommand(io, version))
    .addCommand(importCommand(io))
    .addCommand(newEpochCommand(io))
    .addCommand(doctorCommand(io));
  prepare(program, io);
  try {
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    // Commander has printed its own errors, with what was probably meant.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
    return error instanceof Unsuccessful ? EXIT.failed : printError(error, io);
  }
}

/** Commands do not inherit these when they are added ready made. */
function prepare(command: Command, io: CliIo): void {
  command
    .exitOverride()
    // Names alone: arguments and flags stand in the help of each command.
    .configureHelp({ subcommandTerm: (child) => child.name() })
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .showHelpAfterError("See --help.")
    .allowExcessArguments(false);
  for (const child of command.commands) prepare(child, io);
}
