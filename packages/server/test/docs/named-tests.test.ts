/** Documents name the tests that hold what they say: each of those files must exist. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const documents = [
  "ARCHITECTURE.md",
  "PROTOCOL.md",
  "PAYMENT_STATES.md",
  "README.md",
  ...globSync("docs/**/*.md", { cwd: ROOT }),
];

/** `test/…` (below packages/server) and `packages/…` paths in backquotes. */
function pathsIn(text: string): string[] {
  return [...text.matchAll(/`((?:packages\/|test\/|testkit\/|tools\/|bench\/)[\w./-]*\w\/?)`/g)].map(
    (match) => match[1] as string,
  );
}

const exists = (path: string) => existsSync(`${ROOT}${path}`) || existsSync(`${ROOT}packages/server/${path}`);

test.each(documents)("%s names only files that exist", (document) => {
  const missing = pathsIn(readFileSync(`${ROOT}${document}`, "utf8")).filter((path) => !exists(path));
  expect(missing).toEqual([]);
});

test("a name that is not there is noticed", () => {
  expect(pathsIn("held by `test/nowhere/none.test.ts` and `packages/server/src/main.ts`")).toEqual([
    "test/nowhere/none.test.ts",
    "packages/server/src/main.ts",
  ]);
  expect(exists("test/nowhere/none.test.ts")).toBe(false);
});
