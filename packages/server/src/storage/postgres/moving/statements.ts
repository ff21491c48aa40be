/** How rows are read in their order, and written in it. */
import type { MovedTable } from "../../moving/tables.ts";
import type { Connection } from "../connection.ts";

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(", ");

/** The age of a row is its number: each new one is higher. */
export function selectAll({ name, columns, order }: MovedTable): string {
  return `SELECT ${quoted(columns)} FROM ${name} ORDER BY ${order ? quoted(order) : "number"}`;
}

/** Numbers that no column of their own gives, in the order of the rows. */
const NUMBERED: Readonly<Record<string, string>> = { client_sessions: "nextval('client_session_numbers')" };

/** Rows as one list per column.
 * @param types of the columns, as `columnTypes` gives them */
export function insertMany({ name, columns }: MovedTable, types: ReadonlyMap<string, string>): string {
  const lists = columns.map((column, at) => `$${at + 1}::${types.get(`${name}.${column}`) ?? "text"}[]`).join(", ");
  const number = NUMBERED[name];
  return number
    ? `INSERT INTO ${name} (${quoted(columns)}, number) SELECT *, ${number} FROM unnest(${lists})`
    : `INSERT INTO ${name} (${quoted(columns)}) SELECT * FROM unnest(${lists})`;
}

/** By `table.column`. */
export async function columnTypes(connection: Connection): Promise<ReadonlyMap<string, string>> {
  const rows = await connection.all<{ name: string; type: string }>(
    `SELECT c.relname || '.' || a.attname AS name, format_type(a.atttypid, NULL) AS type
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped`,
  );
  return new Map(rows.map(({ name, type }) => [name, type]));
}
