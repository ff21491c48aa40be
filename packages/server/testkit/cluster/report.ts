/** What a run was like: for people who read the output, and for the figures in the documents. */
import type { Findings, Listener } from "./listener.ts";

export interface FaultDone {
  fault: string;
  /** Until what was broken was whole again. */
  lastedMs: number;
  /** From then until every node served and one of them watched. */
  healthyMs: number;
  /** From its beginning until all was well: the longest time without a new event, and without news of the chain. */
  withoutEventsMs: number;
  withoutBlocksMs: number;
}

export interface WireFigures {
  wire: string;
  clients: number;
  connections: number;
  told: number;
  repeats: number;
}

export function figuresOf(heard: readonly (readonly [Listener, Findings])[]): WireFigures[] {
  const byWire = Map.groupBy(heard, ([{ wire }]) => wire);
  return [...byWire].map(([wire, own]) => ({
    wire,
    clients: own.length,
    connections: own.reduce((sum, [{ connections }]) => sum + connections, 0),
    told: own.reduce((sum, [{ told }]) => sum + told, 0),
    repeats: own.reduce((sum, [, { repeats }]) => sum + repeats, 0),
  }));
}

/** Columns under their names, aligned. */
export function table(rows: readonly Readonly<Record<string, string | number>>[]): string {
  const names = Object.keys(rows[0] ?? {});
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name])))];
  const widths = names.map((_, at) => Math.max(...lines.map((line) => (line[at] as string).length)));
  return lines
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] as number))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
