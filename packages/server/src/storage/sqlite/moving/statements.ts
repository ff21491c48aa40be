/** How rows are read in their order, and written in it. */
import type { MovedTable } from "../../moving/tables.ts";

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(", ");

/** The age of a row is its rowid: each new one is higher. */
export function selectAll({ name, columns, order }: MovedTable): string {
  return `SELECT ${quoted(columns)} FROM ${name} ORDER BY ${order ? quoted(order) : "rowid"}`;
}

export function insertOne({ name, columns }: MovedTable): string {
  return `INSERT INTO ${name} (${quoted(columns)}) VALUES (${columns.map(() => "?").join(", ")})`;
}
