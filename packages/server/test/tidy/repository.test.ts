/** The repository keeps the rules of its own house. */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { describeFinding, tidy } from "../../../../tools/tidy/rules.ts";
import { readSourceFiles } from "../../../../tools/tidy/source.ts";

it("breaks no rule of the house", () => {
  const files = readSourceFiles(fileURLToPath(new URL("../../../..", import.meta.url)));
  expect(files.map((file) => file.path)).toContain("packages/server/src/payments/decide.ts");
  expect(tidy(files).map(describeFinding).join("\n")).toBe("");
});
