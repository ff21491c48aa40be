/**
 * `npm test`: provision, check, then every test. `npm test -- <filter>` runs only the tests whose file names match
 * (and the options that vitest knows), without the check.
 *
 * With PAYBELL_TEST_SUMMARY set, that file receives `N passed, N failed`: the tests, and each failed step as one.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "./check.ts";
import { PROGRAMS } from "./provision/programs.ts";
import { provision, thisMachine } from "./provision.ts";
import { runStep } from "./step.ts";
import { countTests, summaryLine, type TestCounts } from "./test-summary.ts";

const filters = process.argv.slice(2);
const summaryFile = process.env.PAYBELL_TEST_SUMMARY;
// For this program alone: servers that the tests start know no such setting, and would refuse it.
delete process.env.PAYBELL_TEST_SUMMARY;
const failedSteps: string[] = [];

console.log("── provision: what the tests need beyond npm packages");
if (!provision(Object.values(PROGRAMS), thisMachine)) failedSteps.push("provision");
if (filters.length === 0) failedSteps.push(...check());

const directory = mkdtempSync(join(tmpdir(), "paybell-tests-"));
const reportFile = join(directory, "vitest.json");
const testsGood = runStep({
  name: "tests (vitest)",
  command: "vitest",
  args: ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`, ...filters],
});
const counts: TestCounts = countTests(readReport(), testsGood);
rmSync(directory, { recursive: true, force: true });

const line = summaryLine(counts, failedSteps);
if (failedSteps.length > 0) console.log(`\nFailed before the tests: ${failedSteps.join(", ")} (see above)`);
if (summaryFile) writeFileSync(summaryFile, `${line}\n`);
else console.log(`\n${line}`);
process.exitCode = counts.failed + failedSteps.length === 0 ? 0 : 1;

function readReport(): string | null {
  try {
    return readFileSync(reportFile, "utf8");
  } catch {
    // vitest did not get as far as a report; its own output says why, and countTests counts that as a failure.
    return null;
  }
}
