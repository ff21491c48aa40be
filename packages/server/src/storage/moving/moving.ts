/**
 * The contract of moving a database: a source that is read in one transaction, a target that is filled in one. Both
 * databases implement both, so that each can be moved to each.
 * Why it is built like this: docs/decisions/0020-moving-and-epochs.md.
 */
import type { Mode } from "../meta.ts";
import type { MovedTable } from "./tables.ts";

/** What a column holds. */
export type Cell = string | number | null;
/** The cells of a row, in the order of the table's columns. */
export type Cells = readonly Cell[];

/** What is asked of the log as a whole. */
export interface LogBounds {
  mode: Mode;
  epoch: string;
  /** Offset of the newest record. */
  head: number;
  /** Records up to here are no longer there. */
  trimmedTo: number;
}

/** A database as it was at one moment, whatever is written meanwhile. */
export interface ExportSource {
  /** `sqlite` or `postgres`, for people. */
  store: string;
  /** Of that database; each counts its own. */
  schemaVersion: number;
  bounds: LogBounds;
  count(table: MovedTable): Promise<number>;
  /** All rows in the table's order, some at a time. */
  rows(table: MovedTable): AsyncIterable<readonly Cells[]>;
  close(): Promise<void>;
}

/** An empty database that nobody else uses. Nothing is there for anybody before `commit`, and nothing stays without it. */
export interface ImportTarget {
  /** @throws RowRefused */
  insert(table: MovedTable, rows: readonly Cells[]): Promise<void>;
  /** Behind the last row: what follows from the rows is made, and the log has these bounds. */
  complete(bounds: LogBounds): Promise<void>;
  /** A question to what was inserted, in SQL that both databases speak. */
  ask(sql: string): Promise<readonly Record<string, Cell>[]>;
  commit(): Promise<void>;
  /** Undoes everything, unless it was committed; gives the database free. */
  close(): Promise<void>;
}

/** The database does not take a row. */
export class RowRefused extends Error {
  override readonly name = "RowRefused";
  /** Which of those that were given. */
  readonly at: number;

  constructor(at: number, reason: string) {
    super(reason);
    this.at = at;
  }
}

/** Nothing was moved: what is wrong, and what to do. */
export class MovingError extends Error {
  override readonly name = "MovingError";
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}
