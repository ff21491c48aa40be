/** `paybell new-epoch`: after a restore, or a fail-over that has lost something. */
import { Command, InvalidArgumentError } from "commander";
import { addDatabaseFlags, configFrom } from "./config-flags.ts";
import { type CliIo, CommandError, calledAs } from "./io.ts";
import { beginEpoch } from "./moving-stores.ts";

const MOST_SKIPPED = 100_000;

const EXAMPLES = `
Examples:
  paybell new-epoch                        after a restore in the sandbox
  paybell new-epoch --mode live --skip-addresses 500

Without it, records that are written after the restore would be taken for others that clients
have seen before it. docs/guides/backup-and-moving.md
`;

export function newEpochCommand(io: CliIo): Command {
  const command = new Command("new-epoch")
    .description("After a restore or a fail-over with loss: begin a new epoch of the log; all servers must be stopped")
    .option(
      "--skip-addresses <number>",
      "Addresses of each extended public key that may have been given to payments which were lost. Asked for in live mode; 0: none.",
      wholeNumber,
    )
    .addHelpText("after", EXAMPLES);
  return addDatabaseFlags(command).action(async () => {
    const config = configFrom(command, io);
    const { skipAddresses } = command.opts<{ skipAddresses?: number }>();
    if (skipAddresses === undefined && config.mode === "live") {
      throw new CommandError(
        "How many addresses may have been given since the backup was made? They must not be given again, to somebody else.",
        "Give --skip-addresses <number>: rather too many; 0 where nothing was lost, or no addresses are derived.",
      );
    }
    const begun = await beginEpoch(config, skipAddresses ?? 0);
    io.out(`${begun.now}\n`);
    io.err(
      `Epoch ${begun.before} ended at record ${begun.head}: its cursors are answered cursor_expired from now on.\n`,
    );
    if (begun.skippedOn > 0) io.err(`Passed over ${skipAddresses} addresses of each of ${begun.skippedOn} keys.\n`);
    io.err(`Next: ${calledAs(io)} start\n`);
  });
}

function wholeNumber(text: string): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= MOST_SKIPPED) return number;
  throw new InvalidArgumentError(`A whole number from 0 to ${MOST_SKIPPED}.`);
}
