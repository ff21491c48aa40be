/** Files that nobody imports: dead code that still has to be read. */
import { ENTRY_POINTS } from "./house.ts";
import { importsOf } from "./imports.ts";
import { type Finding, isCode, type SourceFile } from "./source.ts";

const PROGRAM = /^packages\/[^/]+\/src\//;

/** Sources must be reached from the program itself; what only a test reaches is dead too. */
export function orphanFiles(files: readonly SourceFile[]): Finding[] {
  const code = files.filter(isCode);
  const links = new Map<string, string[]>();
  for (const { from, target } of importsOf(code)) links.set(from.path, [...(links.get(from.path) ?? []), target]);

  const entries = code.map((file) => file.path).filter((path) => isEntry(path, files));
  const reachedByAll = reach(entries, links);
  const reachedByProgram = reach(
    entries.filter((path) => PROGRAM.test(path)),
    links,
  );
  return code.flatMap((file) => {
    const reached = PROGRAM.test(file.path) ? reachedByProgram : reachedByAll;
    if (reached.has(file.path)) return [];
    const onlyTests = reachedByAll.has(file.path);
    return [
      {
        path: file.path,
        line: 1,
        rule: "orphan-file",
        what: onlyTests ? "only tests import it" : "nobody imports it",
        why: "code that the program never reaches still has to be read and kept right",
        fix: "import it where it belongs, move it to testkit/, or delete it",
      },
    ];
  });
}

/** A pattern of the house, or a file that a `package.json` script or `.ci/run` starts. */
function isEntry(path: string, files: readonly SourceFile[]): boolean {
  if (ENTRY_POINTS.some((pattern) => pattern.test(path))) return true;
  return files.some((file) => file.path === "package.json" && startedBy(file.text).includes(path));
}

function startedBy(packageJson: string): string[] {
  const { scripts = {} } = JSON.parse(packageJson) as { scripts?: Record<string, string> };
  return Object.values(scripts).flatMap((script) => script.split(/\s+/));
}

function reach(entries: readonly string[], links: ReadonlyMap<string, string[]>): Set<string> {
  const reached = new Set(entries);
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const target of links.get(path) ?? []) {
      if (reached.has(target)) continue;
      reached.add(target);
      waiting.push(target);
    }
  }
  return reached;
}
