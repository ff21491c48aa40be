/** The line that ends `npm test` and `.ci/run` never says "0 failed" of a run that failed. */
import { expect, it } from "vitest";
import { countTests, summaryLine } from "../../../../tools/test-summary.ts";

function report(passed: number, failed: number, files: { status: string; tests: string[] }[]): string {
  const testResults = files.map(({ status, tests }) => ({
    status,
    assertionResults: tests.map((test) => ({ status: test })),
  }));
  return JSON.stringify({ numPassedTests: passed, numFailedTests: failed, testResults });
}

it("counts passed and failed tests", () => {
  const text = report(1, 1, [{ status: "failed", tests: ["passed", "failed"] }]);
  expect(countTests(text, false)).toEqual({ passed: 1, failed: 1 });
});

it("counts a file that could not be loaded as one failure", () => {
  const text = report(1, 0, [
    { status: "passed", tests: ["passed"] },
    { status: "failed", tests: [] },
  ]);
  expect(countTests(text, false)).toEqual({ passed: 1, failed: 1 });
});

it("counts an error outside the tests as one failure", () => {
  expect(countTests(report(2, 0, [{ status: "passed", tests: ["passed", "passed"] }]), false).failed).toBe(1);
});

it("counts a run without a report as one failure", () => {
  expect(countTests(null, false)).toEqual({ passed: 0, failed: 1 });
});

it("adds each failed step", () => {
  expect(summaryLine({ passed: 3, failed: 1 }, ["tidy", "types (tsc)"])).toBe("3 passed, 3 failed");
  expect(summaryLine({ passed: 3, failed: 0 }, [])).toBe("3 passed, 0 failed");
});
