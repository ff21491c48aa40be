/** A record's topics, as the index of the log has them. */
import type { Cells } from "./moving.ts";
import type { MovedTable } from "./tables.ts";

/** @throws SyntaxError where they are no list of texts */
export function topicsOf({ columns }: MovedTable, cells: Cells): { topic: string; offset: number }[] {
  const topics: unknown = JSON.parse(String(cells[columns.indexOf("topics")]));
  const offset = Number(cells[columns.indexOf("offset")]);
  if (!Array.isArray(topics)) throw new SyntaxError("its topics are no list");
  return topics.map((topic: unknown) => {
    if (typeof topic !== "string") throw new SyntaxError("a topic is no text");
    return { topic, offset };
  });
}
