/** Programs of the testkit as processes of their own, for tests that kill them and read what they have printed. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface VictimProcess {
  pid: number;
  /** Complete lines that it has printed so far. */
  lines: readonly string[];
  /** Resolves when it has printed so many lines. */
  printed(count: number): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill9(): Promise<void>;
}

/** Whoever ends the test run must not leave processes behind. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** @param program its file */
export function startVictim(program: string, ...args: string[]): VictimProcess {
  const child = spawn(process.execPath, ["--conditions=@paybell/source", program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  const lines: string[] = [];
  let wake: (() => void) | null = null;
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => {
    lines.push(line);
    wake?.();
  });
  const ended = new Promise<void>((resolve) => reader.once("close", resolve));
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve())).then(() => {
    running.delete(child);
    wake?.();
  });
  return {
    pid: child.pid ?? -1,
    lines,
    async printed(count) {
      while (lines.length < count) {
        if (!running.has(child)) throw new Error(`The process ended after ${lines.length} lines.`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async kill9() {
      child.kill("SIGKILL");
      await Promise.all([gone, ended]);
    },
  };
}
