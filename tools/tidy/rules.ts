/** All rules of the house, in the order in which their findings are printed. */
import { importDirections } from "./imports.ts";
import { orphanFiles } from "./orphans.ts";
import type { Finding, Rule, SourceFile } from "./source.ts";
import { fileLength, functionLength, hostsAndPaths, leftOvers, noPrinting, purePayments } from "./text-rules.ts";

export const RULES: readonly Rule[] = [
  importDirections,
  orphanFiles,
  fileLength,
  functionLength,
  leftOvers,
  hostsAndPaths,
  noPrinting,
  purePayments,
];

export function tidy(files: readonly SourceFile[]): Finding[] {
  return RULES.flatMap((rule) => rule(files));
}

/** `file:line rule: what, why, what to do`. */
export function describeFinding(finding: Finding): string {
  const { path, line, rule, what, why, fix } = finding;
  return `${path}:${line} ${rule}: ${what}. Why: ${why}. Do: ${fix}.`;
}
