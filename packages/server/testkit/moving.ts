/** Places where a database is kept, and the commands that move it from one to the other. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { runProgram } from "../src/cli/program.ts";
import type { PostgresServer } from "./postgres.ts";
import { openPostgres, postgresStoresOn } from "./postgres-home.ts";
import { openSqlite, storesOn } from "./sqlite-home.ts";
import type { OpenStore } from "./storing/home.ts";

export interface Place {
  store: "sqlite" | "postgres";
  /** What a command or a server is given, so that it works there. */
  environment: Record<string, string>;
  open(): Promise<OpenStore>;
  remove(): Promise<void>;
}

export async function sqlitePlace(): Promise<Place> {
  const dataDir = await mkdtemp(join(tmpdir(), "paybell-moving-"));
  return {
    store: "sqlite",
    environment: { PAYBELL_DATA_DIR: dataDir },
    open: async () => storesOn(await openSqlite(dataDir)),
    remove: () => rm(dataDir, { recursive: true }),
  };
}

export async function postgresPlace(server: PostgresServer): Promise<Place> {
  const url = await server.createDatabase();
  return {
    store: "postgres",
    environment: { PAYBELL_DATABASE_URL: url },
    open: async () => postgresStoresOn(await openPostgres(url)),
    remove: () => server.dropDatabase(url),
  };
}

export interface Answer {
  code: number;
  /** Standard output, as a pipe gets it. */
  out: Buffer;
  err: string;
}

export interface Circumstances {
  input?: Uint8Array;
  /** Standard output is a screen. */
  toScreen?: boolean;
  /** What happens while the first piece of the result is taken. */
  meanwhile?: () => Promise<void>;
}

/** `paybell …` on this place, in this process. */
export async function paybell(
  place: Place,
  args: readonly string[],
  { input, toScreen = false, meanwhile }: Circumstances = {},
): Promise<Answer> {
  const chunks: Buffer[] = [];
  let err = "";
  const output = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _, done) {
      const isFirst = chunks.push(chunk) === 1;
      if (isFirst && meanwhile) meanwhile().then(() => done(), done);
      else done();
    },
  });
  const code = await runProgram(
    args,
    {
      out: (text) => {
        chunks.push(Buffer.from(text));
      },
      err: (text) => {
        err += text;
      },
      environment: place.environment,
      cwd: place.environment.PAYBELL_DATA_DIR ?? tmpdir(),
      colours: false,
      input: input && piped(input),
      output: toScreen ? undefined : output,
    },
    "1.2.3",
  );
  return { code, out: Buffer.concat(chunks), err };
}

/** As it comes through a pipe: in pieces that end anywhere. */
async function* piped(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
}

/** The whole database. @throws where it cannot be exported */
export async function exported(place: Place): Promise<Buffer> {
  const { code, out, err } = await paybell(place, ["export"]);
  if (code !== 0) throw new Error(err);
  return out;
}

/** @throws where it is refused */
export async function imported(place: Place, file: Uint8Array): Promise<void> {
  const { code, err } = await paybell(place, ["import"], { input: file });
  if (code !== 0) throw new Error(err);
}

export interface Contents {
  mode: string;
  epoch: string;
  head: number;
  trimmedTo: number;
  /** Rows of each table. */
  tables: Record<string, number>;
  /** Every line but the first and the last. */
  lines: readonly string[];
}

/** What an export says of the database, and nothing of when it was made and where. */
export function contentsOf(file: Uint8Array): Contents {
  const lines = Buffer.from(file).toString().trimEnd().split("\n");
  const { mode, epoch, head, trimmedTo, tables } = JSON.parse(lines[0] as string) as Omit<Contents, "lines">;
  return { mode, epoch, head, trimmedTo, tables, lines: lines.slice(1, -1) };
}
