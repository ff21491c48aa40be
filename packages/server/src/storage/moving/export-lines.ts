/**
 * A database as JSON Lines. Documented for others in docs/reference/export-format.md:
 *
 * 1. the head line, an object: format, mode, epoch, bounds of the log, rows per table;
 * 2. per table one line with its name and columns, then its rows, each an array of strings, whole numbers and nulls;
 * 3. the end line, an object: number of lines before it, and the SHA-256 of their bytes.
 */
import { createHash } from "node:crypto";
import type { ExportSource } from "./moving.ts";
import { MOVED } from "./tables.ts";

/** Raised whenever a program that knows the one before could not read the file rightly. */
export const FORMAT = 1;

export interface HeadLine {
  paybellExport: number;
  /** Of the program. */
  version: string;
  exportedAt: string;
  store: string;
  schemaVersion: number;
  mode: string;
  epoch: string;
  head: number;
  trimmedTo: number;
  /** Rows of each table. */
  tables: Record<string, number>;
}

export interface TableLine {
  table: string;
  columns: readonly string[];
}

export interface EndLine {
  end: true;
  lines: number;
  sha256: string;
}

export interface ExportOptions {
  /** Of the program. */
  version: string;
  exportedAt: Date;
  /** So many rows of so many are written. */
  onRows?: (rows: number, total: number) => void;
}

/** The file in pieces of some ten kilobytes. */
export async function* exportLines(source: ExportSource, options: ExportOptions): AsyncGenerator<string> {
  const { store, schemaVersion, bounds } = source;
  const tables: Record<string, number> = {};
  for (const table of MOVED) tables[table.name] = await source.count(table);
  const total = Object.values(tables).reduce((sum, count) => sum + count, 0);
  const hash = createHash("sha256");
  let lines = 0;
  const piece = (values: readonly unknown[]) => {
    const text = values.map((value) => `${JSON.stringify(value)}\n`).join("");
    hash.update(text);
    lines += values.length;
    return text;
  };
  const { version, exportedAt, onRows } = options;
  const about = { paybellExport: FORMAT, version, exportedAt: exportedAt.toISOString(), store, schemaVersion };
  yield piece([{ ...about, ...bounds, tables } satisfies HeadLine]);
  let written = 0;
  for (const table of MOVED) {
    yield piece([{ table: table.name, columns: table.columns } satisfies TableLine]);
    for await (const rows of source.rows(table)) {
      yield piece(rows);
      written += rows.length;
      onRows?.(written, total);
    }
  }
  yield `${JSON.stringify({ end: true, lines, sha256: hash.digest("hex") } satisfies EndLine)}\n`;
}
