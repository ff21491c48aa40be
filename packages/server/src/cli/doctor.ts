/** `paybell doctor`: looks at everything that a server needs and says what is wrong and what to do. Changes nothing. */
import { Command } from "commander";
import { addServerFlags, configFrom } from "./config-flags.ts";
import { overall, render } from "./doctor/finding.ts";
import { type CliIo, Unsuccessful } from "./io.ts";

const HELP = `
Nothing is changed, and a running server goes on undisturbed. Exit code 1 when something is broken.

Examples:
  paybell doctor                          everything, as a table
  paybell doctor --config live.json       of that configuration
  paybell doctor --json                   for a script: {"status", "findings": [{what, status, found, toDo}]}
`;

export function doctorCommand(io: CliIo): Command {
  const doctor = addServerFlags(
    new Command("doctor").description("Check configuration, database, port, clock and every chain's endpoints"),
  )
    .option("--json", "Print the findings as JSON")
    .addHelpText("after", HELP);
  return doctor.action(async () => {
    // Loaded only here: the other commands start sooner without it.
    const { examine } = await import("./doctor/examine.ts");
    const findings = await examine(() => configFrom(doctor, io), io);
    const status = overall(findings);
    if (doctor.opts<{ json?: boolean }>().json === true) {
      io.out(`${JSON.stringify({ status, findings }, null, 2)}\n`);
    } else io.out(render(findings, io.colours));
    if (status === "broken") throw new Unsuccessful();
  });
}
