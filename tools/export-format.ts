/** docs/reference/export-format.md: what `paybell export` writes, from the list that it is written by. */
import { FORMAT } from "../packages/server/src/storage/moving/export-lines.ts";
import { LEFT_BEHIND, MOVED } from "../packages/server/src/storage/moving/tables.ts";

/** The lines of the page behind its title. */
export function exportFormat(
  table: (header: readonly string[], rows: readonly (readonly string[])[]) => string,
): string[] {
  const moved = MOVED.map(({ name, columns, order }) => [
    `\`${name}\``,
    columns.map((column) => `\`${column}\``).join(", "),
    order ? order.map((column) => `\`${column}\``).join(", ") : "by age",
  ]);
  const left = Object.entries(LEFT_BEHIND).map(([name, why]) => [`\`${name}\``, why]);
  return [
    `Format ${FORMAT}. What \`paybell export\` writes and \`paybell import\` reads: JSON Lines in UTF-8, every line ended by one line feed, all`,
    "of it compressed with gzip where the file's name ends in `.gz`. **It holds secrets**: access tokens, session secrets, hashes of",
    "keys, and everything about payments. How to use it: [guides/backup-and-moving.md](../guides/backup-and-moving.md).",
    "",
    "1. The head line, an object: `paybellExport` (the format, a number), `version` (of the program), `exportedAt`, `store` and",
    "   `schemaVersion` (where it comes from), `mode`, `epoch`, `head` and `trimmedTo` (the log's newest offset, and the one up to which it",
    "   was trimmed), `tables` (how many rows of each).",
    '2. For each table below, in this order: a line `{"table":…,"columns":[…]}`, then one line for each row, an array of its cells in the order',
    "   of the columns. A cell is a text, a whole number or `null`. Amounts are decimal texts of atomic units, times milliseconds since",
    "   1970; what is a list or an object is JSON within a text, as it is stored.",
    "3. The end line, an object: `end` (true), `lines` (how many stand before it), `sha256` (of the bytes of those lines, with their line",
    "   feeds, in hex).",
    "",
    'Rows stand in the order that the table says; "by age": as they were made, which the import keeps. The number of the format is raised',
    "whenever a program that knows the one before could not read the file rightly; a file whose tables or columns are not those of the",
    "program is refused.",
    "",
    table(["Table", "Columns", "Order"], moved),
    "",
    "## What is not in it",
    "",
    table(["Table or column", "Why not"], left),
  ];
}
