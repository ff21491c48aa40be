/** `paybell import`: what `paybell export` has written, into an empty database. */
import { createReadStream, existsSync } from "node:fs";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { Command } from "commander";
import type { Config } from "../config/config.ts";
import { newEpoch } from "../storage/meta.ts";
import type { HeadLine } from "../storage/moving/export-lines.ts";
import { importLines } from "../storage/moving/import-lines.ts";
import { MovingError } from "../storage/moving/moving.ts";
import { addDatabaseFlags, configFrom } from "./config-flags.ts";
import { type CliIo, CommandError, calledAs } from "./io.ts";
import { MovingProgress } from "./moving-progress.ts";
import { openTarget, placeOf } from "./moving-stores.ts";

const EXAMPLES = `
Examples:
  PAYBELL_DATABASE_URL=postgres://… paybell import --in shop.jsonl.gz
  paybell import --mode live --data-dir ./shop-data --in shop.jsonl.gz

All of it is imported, or nothing. Clients' cursors from before are answered cursor_expired.
docs/guides/backup-and-moving.md
`;

export function importCommand(io: CliIo): Command {
  const command = new Command("import")
    .description("Fill an empty database with what `paybell export` has written; no server may run on it")
    .option("--in <file>", "Where from, compressed or not. Default: standard input.")
    .addHelpText("after", EXAMPLES);
  return addDatabaseFlags(command).action(async () => {
    const config = configFrom(command, io);
    const { in: from } = command.opts<{ in?: string }>();
    const bytes = from === undefined ? pipeOf(io) : fileOf(resolve(io.cwd, from));
    const progress = new MovingProgress(io, "Imported");
    const { head, epoch, rows } = await importLines({
      file: from ?? "standard input",
      chunks: unpacked(bytes),
      open: (about) => {
        requireSameMode(about, config);
        return openTarget(config);
      },
      newEpoch,
      onRows: (stored, total) => progress.note(stored, total),
    });
    progress.end(rows, ` into ${placeOf(config)}, the log up to record ${head.head}.`);
    io.err(`The log goes on in epoch ${epoch}: cursors of ${head.epoch} are answered cursor_expired.\n`);
    io.err(`The database it came from must not be used any more. Next: ${calledAs(io)} start\n`);
  });
}

function requireSameMode({ mode }: HeadLine, config: Config): void {
  if (mode === config.mode) return;
  throw new MovingError(
    `The file was made from a database in ${mode} mode and cannot be imported in ${config.mode} mode: simulated and real payments must not meet.`,
    `Set PAYBELL_MODE=${mode}, or give --mode ${mode}.`,
  );
}

function pipeOf({ input }: CliIo): AsyncIterable<Uint8Array> {
  if (!input) throw new CommandError("There is nothing to import.", "Give --in <file>, or pipe an export.");
  return input;
}

function fileOf(path: string): AsyncIterable<Uint8Array> {
  if (!existsSync(path))
    throw new CommandError(`There is no file ${path}.`, "Name one that `paybell export` has made.");
  return createReadStream(path);
}

/** Uncompressed where it is compressed, whatever its name is. */
async function* unpacked(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = bytes[Symbol.asyncIterator]();
  const rest = { [Symbol.asyncIterator]: () => chunks };
  let first = Buffer.alloc(0);
  while (first.length < 2) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    first = Buffer.concat([first, value]);
  }
  async function* all() {
    yield first;
    yield* rest;
  }
  if (first[0] !== 0x1f || first[1] !== 0x8b) {
    yield* all();
    return;
  }
  const gunzip = createGunzip();
  // Its error is what the reader of `gunzip` gets.
  pipeline(Readable.from(all()), gunzip).catch(() => undefined);
  yield* gunzip;
}
