/** `paybell export`: the whole database as a file, to be imported into another one. */
import { createWriteStream, existsSync, linkSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { Command } from "commander";
import { systemClock } from "../kit/clock.ts";
import { exportLines } from "../storage/moving/export-lines.ts";
import { addDatabaseFlags, configFrom } from "./config-flags.ts";
import { type CliIo, CommandError } from "./io.ts";
import { MovingProgress } from "./moving-progress.ts";
import { openSource, placeOf } from "./moving-stores.ts";

const SECRETS =
  "It holds secrets: access tokens, session secrets, hashes of keys and everything about payments. Keep it as you keep the database.\n";

const EXAMPLES = `
Examples:
  paybell export --out shop.jsonl.gz
  paybell export | PAYBELL_DATABASE_URL=postgres://… paybell import

The server may be running: the file holds what was stored when it began. For a move, stop it
first, or what is stored afterwards stays behind.
docs/guides/backup-and-moving.md
`;

export function exportCommand(io: CliIo, version: string): Command {
  const command = new Command("export")
    .description("Write the whole database to a file, secrets included, to be imported elsewhere")
    .option("--out <file>", "Where to; compressed if it ends in .gz. Default: standard output.")
    .addHelpText("after", EXAMPLES);
  return addDatabaseFlags(command).action(async () => {
    const config = configFrom(command, io);
    const { out } = command.opts<{ out?: string }>();
    const destination = out === undefined ? toPipe(io) : toFile(resolve(io.cwd, out));
    const source = await openSource(config);
    const progress = new MovingProgress(io, "Exported");
    let rows = 0;
    const onRows = (written: number, total: number) => {
      rows = written;
      progress.note(written, total);
    };
    try {
      const exportedAt = new Date(systemClock.nowMs());
      await destination.write(
        Readable.from(exportLines(source, { version, exportedAt, onRows }), { highWaterMark: 1 }),
      );
    } catch (error) {
      destination.abandon();
      throw error;
    } finally {
      await source.close();
    }
    progress.end(rows, ` from ${placeOf(config)}, the log up to record ${source.bounds.head}.`);
    if (out !== undefined) io.err(`${out} is readable by you alone (mode 0600). ${SECRETS}`);
  });
}

interface Destination {
  write(text: Readable): Promise<void>;
  abandon(): void;
}

function toPipe({ output }: CliIo): Destination {
  if (!output)
    throw new CommandError("An export is not for the screen: it holds secrets.", "Give --out <file>, or pipe it.");
  const write = async (text: Readable) => {
    await pipeline(text, output, { end: false });
    // It is not closed, since it is the process's own: what was written last is taken when this is.
    await new Promise<void>((resolve, reject) => output.write("", (error) => (error ? reject(error) : resolve())));
  };
  return { write, abandon: () => undefined };
}

/** The file has its name only when all of it is on the disk. */
function toFile(path: string): Destination {
  const partial = `${path}.partial`;
  for (const taken of [path, partial]) {
    if (existsSync(taken)) throw new CommandError(`${taken} is there already.`, "Delete it, or give another --out.");
  }
  return {
    async write(text) {
      const file = createWriteStream(partial, { flags: "wx", mode: 0o600, flush: true });
      const stages: Writable[] = path.endsWith(".gz") ? [createGzip(), file] : [file];
      await pipeline([text, ...stages]);
      // Unlike a rename this never replaces what came there meanwhile.
      linkSync(partial, path);
      rmSync(partial);
    },
    abandon: () => rmSync(partial, { force: true }),
  };
}
