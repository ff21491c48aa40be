/** What a run of the tests amounts to: the line that ends `npm test` and `.ci/run`. */

export interface TestCounts {
  passed: number;
  failed: number;
}

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

/**
 * @param report vitest's JSON report, or null when it wrote none.
 * @param exitedWell vitest ended with exit code 0.
 */
export function countTests(report: string | null, exitedWell: boolean): TestCounts {
  if (report === null) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(report) as VitestReport;
  // A file that cannot even be loaded holds no failed test, and still is a failure.
  const brokenFiles = testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const failed = numFailedTests + brokenFiles;
  // An error outside any test (an unhandled rejection) shows only in the exit code.
  return { passed: numPassedTests, failed: failed === 0 && !exitedWell ? 1 : failed };
}

/** `N passed, N failed`, where each failed step counts as one failure. */
export function summaryLine(counts: TestCounts, failedSteps: readonly string[]): string {
  return `${counts.passed} passed, ${counts.failed + failedSteps.length} failed`;
}
