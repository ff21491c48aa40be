/** What `export-lines.ts` writes, into an empty database: all of it, or nothing. */
import { requireConsistent } from "./consistency.ts";
import { type EndLine, FORMAT, type HeadLine, type TableLine } from "./export-lines.ts";
import { type Line, Lines } from "./lines.ts";
import { type Cell, type Cells, type ImportTarget, type LogBounds, RowRefused } from "./moving.ts";
import { ReservedUnits } from "./reserved-units.ts";
import { MOVED, type MovedTable } from "./tables.ts";

export interface ImportOptions {
  /** Its name, for people. */
  file: string;
  chunks: AsyncIterable<Uint8Array>;
  /** An empty database for what the file says of itself. @throws MovingError, StartupError */
  open: (head: HeadLine) => Promise<ImportTarget>;
  /** Under which the imported log goes on. */
  newEpoch: () => string;
  /** So many rows of so many are stored. */
  onRows?: (rows: number, total: number) => void;
}

export interface Imported {
  head: HeadLine;
  /** Of the imported log. */
  epoch: string;
  rows: number;
}

/** Rows that are stored at once, at most, and characters after which no more are gathered. */
const BATCH_ROWS = 500;
const BATCH_CHARS = 1_048_576;

/** @throws MovingError naming the line and what is wrong with it; nothing was stored then */
export async function importLines(options: ImportOptions): Promise<Imported> {
  const lines = new Lines(options.file, options.chunks);
  const head = await readHead(lines);
  const target = await options.open(head);
  try {
    const total = Object.values(head.tables).reduce((sum, count) => sum + count, 0);
    const reserved = new ReservedUnits();
    let stored = 0;
    let line = await lines.next();
    for (const table of MOVED) {
      requireTableLine(lines, line, table);
      const section = new Section(lines, table, target, reserved, (rows) => {
        stored += rows;
        options.onRows?.(stored, total);
      });
      line = await section.read(head.tables[table.name] ?? 0);
    }
    await requireEnd(lines, line);
    const epoch = options.newEpoch();
    const bounds: LogBounds = { mode: modeOf(head), epoch, head: head.head, trimmedTo: head.trimmedTo };
    await target.complete(bounds);
    await requireConsistent(target, bounds, { file: options.file, reserved });
    await target.commit();
    return { head, epoch, rows: stored };
  } finally {
    await target.close();
  }
}

/** The rows of one table. */
class Section {
  readonly #lines: Lines;
  readonly #table: MovedTable;
  readonly #target: ImportTarget;
  readonly #reserved: ReservedUnits;
  readonly #onStored: (rows: number) => void;
  #batch: Cells[] = [];
  #chars = 0;

  constructor(
    lines: Lines,
    table: MovedTable,
    target: ImportTarget,
    reserved: ReservedUnits,
    onStored: (rows: number) => void,
  ) {
    this.#lines = lines;
    this.#table = table;
    this.#target = target;
    this.#reserved = reserved;
    this.#onStored = onStored;
  }

  /** Returns the line behind the last row. */
  async read(expected: number): Promise<Line | null> {
    const { name } = this.#table;
    let rows = 0;
    for (;;) {
      const line = await this.#lines.next();
      if (!line?.text.startsWith("[")) {
        if (!line) throw this.#lines.wrong(`the file ends within ${name}: it was cut off`);
        await this.#store(line.number);
        if (rows !== expected) {
          throw this.#lines.wrong(`${name} has ${rows} rows, and the head line says ${expected}`);
        }
        return line;
      }
      const cells = this.#cellsOf(line);
      this.#note(cells);
      this.#batch.push(cells);
      this.#chars += line.text.length;
      rows += 1;
      if (this.#batch.length === BATCH_ROWS || this.#chars > BATCH_CHARS) await this.#store(line.number + 1);
    }
  }

  #note(cells: Cells): void {
    try {
      this.#reserved.note(this.#table, cells);
    } catch {
      throw this.#lines.wrong(`the items of this row of ${this.#table.name} are no list of items`);
    }
  }

  #cellsOf({ text }: Line): Cells {
    const { name, columns } = this.#table;
    const row = parsed(this.#lines, text);
    if (!Array.isArray(row) || row.length !== columns.length) {
      throw this.#lines.wrong(`a row of ${name} has ${columns.length} values, and this one does not`);
    }
    const at = row.findIndex((cell) => !isCell(cell));
    if (at >= 0) throw this.#lines.wrong(`${name}.${columns[at]} is neither a text, nor a whole number, nor null`);
    return row as Cells;
  }

  /** @param behind number of the line behind the last one of them */
  async #store(behind: number): Promise<void> {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#chars = 0;
    try {
      await this.#target.insert(this.#table, batch);
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      throw this.#lines.wrongAt(
        behind - batch.length + error.at,
        `the database does not take this row of ${this.#table.name}: ${error.message}`,
      );
    }
    this.#onStored(batch.length);
  }
}

function isCell(value: unknown): value is Cell {
  return value === null || typeof value === "string" || Number.isSafeInteger(value);
}

function parsed(lines: Lines, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw lines.wrong("it is not JSON");
  }
}

async function readHead(lines: Lines): Promise<HeadLine> {
  const line = await lines.next();
  if (!line) throw lines.wrong("there is nothing in it", "Name a file that `paybell export` has made.");
  const notOurs = "Name a file that `paybell export` has made.";
  let head: Partial<HeadLine> | null = null;
  if (line.text.startsWith('{"paybellExport":')) head = parsed(lines, line.text) as Partial<HeadLine>;
  if (typeof head?.paybellExport !== "number") throw lines.wrong("this is no export of Paybell's", notOurs);
  if (head.paybellExport !== FORMAT) {
    throw lines.wrong(
      `it has format ${head.paybellExport}, and this program reads ${FORMAT}`,
      `Import it with the version of Paybell that made it (${head.version}).`,
    );
  }
  const { mode, head: newest, trimmedTo, tables } = head;
  const isWhole =
    (mode === "sandbox" || mode === "live") &&
    [newest, trimmedTo].every((offset) => Number.isSafeInteger(offset)) &&
    typeof tables === "object" &&
    Object.values(tables ?? {}).every((count) => Number.isSafeInteger(count));
  if (!isWhole) throw lines.wrong("the head line is not complete");
  return head as HeadLine;
}

function modeOf({ mode }: HeadLine): LogBounds["mode"] {
  return mode === "live" ? "live" : "sandbox";
}

function requireTableLine(lines: Lines, line: Line | null, table: MovedTable): void {
  const expected = JSON.stringify({ table: table.name, columns: table.columns } satisfies TableLine);
  if (line?.text === expected) return;
  if (!line) throw lines.wrong(`the file ends before ${table.name}: it was cut off`);
  throw lines.wrong(
    `here the table ${table.name} with the columns that this version knows should begin`,
    "Import the file with the version of Paybell that made it, then upgrade.",
  );
}

async function requireEnd(lines: Lines, line: Line | null): Promise<void> {
  const end = line ? (parsed(lines, line.text) as Partial<EndLine> | null) : null;
  if (!line || end?.end !== true) throw lines.wrong("the end line is missing: the file was cut off or altered");
  if (end.lines !== line.number - 1) {
    throw lines.wrong(`the end line counts ${end.lines} lines before it, and there are ${line.number - 1}`);
  }
  if (lines.digest() !== end.sha256) throw lines.wrong("the checksum differs: the file was altered on its way");
  if (await lines.next()) throw lines.wrong("something follows the end line");
}
