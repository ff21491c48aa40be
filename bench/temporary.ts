/** Files that live as long as the benchmark. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let directory: string | null = null;
let count = 0;

/** Writes the lines to a new file, which is removed at the end. Returns its path. */
export function linesFile(lines: Iterable<string>): string {
  if (directory === null) {
    const made = mkdtempSync(join(tmpdir(), "paybell-bench-"));
    process.once("exit", () => rmSync(made, { recursive: true, force: true }));
    directory = made;
  }
  count += 1;
  const file = join(directory, `lines-${count}`);
  writeFileSync(file, `${[...lines].join("\n")}\n`);
  return file;
}
