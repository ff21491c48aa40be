/** Memory and processor time of a process and all that it started. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Bytes; kernel memory (socket buffers) is not in it. */
export function residentBytes(pid: number): number {
  return sumOver(pid, (process) => {
    const status = readFileSync(`/proc/${process}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
  });
}

/** Microseconds of all threads, in user code and in the kernel, since the start, of what has ended too. Unlike a rate it
 * hardly depends on what else the machine does. */
export function processorUs(pid: number): number {
  return sumOver(pid, (process) => {
    // The name in brackets may hold spaces; user and system time are fields 14 and 15, those of ended children 16 and 17.
    const fields = (readFileSync(`/proc/${process}/stat`, "utf8").split(") ")[1] ?? "").split(" ");
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return (ticks * 1e6) / ticksPerSecond();
  });
}

let ticks: number | null = null;
function ticksPerSecond(): number {
  ticks ??= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  return ticks;
}

/** The process and all that it has started and that still run. */
export function processTree(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(processTree)];
}

function sumOver(pid: number, read: (pid: number) => number): number {
  return processTree(pid).reduce((sum, process) => sum + read(process), 0);
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")
      .split(" ")
      .filter((child) => child !== "")
      .map(Number),
  );
}
