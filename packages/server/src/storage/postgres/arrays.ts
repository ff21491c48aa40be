/**
 * Lists as parameters: a group of commands is written by a few statements over `unnest`, whatever its size. The text of a
 * list is made here, since `pg` looks at every element's type and is several times as slow.
 */
import type { Value } from "./connection.ts";

/** PostgreSQL's text of a one-dimensional array. */
export function arrayOf(values: readonly Value[]): string {
  return `{${values.map(element).join(",")}}`;
}

const SPECIAL = /["\\]/g;

function element(value: Value): string {
  if (value === null) return "NULL";
  return typeof value === "number" ? String(value) : `"${value.replace(SPECIAL, "\\$&")}"`;
}

/** One list per column of some rows. */
export function columnsOf<C extends string>(
  rows: readonly { readonly [column in C]: Value }[],
  columns: readonly C[],
): string[] {
  return columns.map((column) => arrayOf(rows.map((row) => row[column])));
}

/** Columns that hold no text, over all tables. */
const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    bigint: [
      "at_ms",
      "block_height",
      "block_time_ms",
      "claimed_at_ms",
      "confirmations",
      "confirmations_required",
      "created_at_ms",
      "credit_time_ms",
      "deadline_ms",
      "derivation_index",
      "due_height",
      "erased_at_ms",
      "expires_at_ms",
      "final_confirmations",
      "first_seen_at_ms",
      "archived_at_ms",
      "head_height",
      "last_used_index",
      "monitor_until_ms",
      "place",
      "reserved",
      "sequence",
      "stock_units",
      "updated_at_ms",
      "watched_until_ms",
    ],
    integer: ["decimals", "http_status"],
    smallint: ["is_open", "replaceable"],
  }).flatMap(([type, columns]) => columns.map((column) => [column, type] as const)),
);

const typeOf = (column: string) => TYPES.get(column) ?? "text";

/** `unnest` of one list per column, from parameter `$first` on. */
export function unnest(columns: readonly string[], first = 1): string {
  return `unnest(${columns.map((column, at) => `$${first + at}::${typeOf(column)}[]`).join(", ")})`;
}
