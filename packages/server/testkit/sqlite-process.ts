/**
 * A process of its own on a SQLite directory, for tests that kill it: `sqlite-process.ts <dataDir> hold` opens it as a
 * server does, says so, and stays; `… append` changes payments for ever and prints each change after it was answered;
 * `… shop` does so with orders and their stock (`shop-storm.ts`).
 */
import { fileURLToPath } from "node:url";
import { startVictim, type VictimProcess } from "./victim-process.ts";

export type Task = "hold" | "append" | "shop";

export function startSqliteProcess(dataDir: string, task: Task): VictimProcess {
  return startVictim(fileURLToPath(new URL("./sqlite-process-main.ts", import.meta.url)), dataDir, task);
}
