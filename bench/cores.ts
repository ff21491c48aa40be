/** Which processor cores the server and the generators get, so that neither takes time from the other. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

export type Role = "server" | "generator";

/** Core numbers; `null` where this machine has one core only, or no `taskset`: then nothing is pinned. */
export const CORES: Readonly<Record<Role, number>> | null = chooseCores();

/** The command with `taskset` in front, where pinning is possible. */
export function pinned(role: Role, command: readonly string[]): string[] {
  return CORES === null ? [...command] : ["taskset", "-c", String(CORES[role]), ...command];
}

/** Moves a running process with all its threads; what it starts later stays there too. */
export function pinProcess(role: Role, pid: number): void {
  if (CORES === null) return;
  const done = spawnSync("taskset", ["-a", "-c", "-p", String(CORES[role]), String(pid)], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`Process ${pid} could not be pinned: ${done.stderr}`);
}

function chooseCores(): Record<Role, number> | null {
  const allowed = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  const cores = allowed.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  const [server, generator] = cores;
  if (server === undefined || generator === undefined) return null;
  return spawnSync("taskset", ["-V"]).status === 0 ? { server, generator } : null;
}
