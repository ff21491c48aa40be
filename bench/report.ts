/** Results as tables: on the terminal, and in RESULTS.md between markers that the next run replaces. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { barChart, lineChart } from "./plot.ts";
import { figure, type SubjectResult } from "./rounds.ts";
import type { Scenario } from "./scenario.ts";
import type { Spread } from "./statistics.ts";

const RESULTS_FILE = fileURLToPath(new URL("./RESULTS.md", import.meta.url));
const PLOTS = fileURLToPath(new URL("./plots/", import.meta.url));

export interface Report {
  scenario: Scenario;
  /** Tells apart what is kept side by side, e.g. before and after a change; `null`: the plain results. */
  label: string | null;
  command: string;
  at: Date;
  facts: readonly string[];
  loadBefore: number;
  results: readonly SubjectResult[];
}

/** A Markdown table, which reads well on a terminal too. */
export function table({ scenario, results }: Report): string {
  const details = [...new Set(results.flatMap((result) => Object.keys(result.details)))];
  const first = results[0]?.name ?? "";
  const head = ["", scenario.unit, `${first} ÷ this`, ...details];
  const rows = results.map((result) => [
    result.name,
    withSpread(result.value),
    result.ratio === null ? "" : withSpread(result.ratio),
    ...details.map((name) => (name in result.details ? figure(result.details[name] ?? Number.NaN) : "")),
  ]);
  return aligned([head, ...rows]);
}

function withSpread({ median, min, max }: Spread): string {
  return min === max ? figure(median) : `${figure(median)} (${figure(min)}–${figure(max)})`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const [head = [], ...body] = rows;
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(head), line(rule), ...body.map(line)].join("\n");
}

/** Puts the report into RESULTS.md in place of the last one of the same name and label, and draws its plot. */
export function recordReport(report: Report): void {
  const key = report.label === null ? report.scenario.name : `${report.scenario.name}@${report.label}`;
  mkdirSync(PLOTS, { recursive: true });
  const { scenario, results } = report;
  const plot =
    scenario.curve === undefined
      ? barChart(titleOf(report), scenario.unit, results)
      : lineChart(titleOf(report), scenario.curve, results);
  writeFileSync(`${PLOTS}${key}.svg`, plot);
  const text = existsSync(RESULTS_FILE) ? readFileSync(RESULTS_FILE, "utf8") : "# Results\n";
  writeFileSync(RESULTS_FILE, replaced(text, key, section(report, key)));
}

const titleOf = ({ scenario, label }: Report): string =>
  label === null ? scenario.title : `${scenario.title}: ${label}`;

function section(report: Report, key: string): string {
  const { scenario, command, at, facts, loadBefore, results } = report;
  const goal = scenario.goal === null ? [] : [`To be reached: ${scenario.goal}`, ""];
  return [
    `## ${titleOf(report)}`,
    "",
    scenario.about,
    "",
    ...goal,
    table(report),
    "",
    `![${scenario.title}](plots/${key}.svg)`,
    "",
    `- Command: \`${command}\`, ${at.toISOString().slice(0, 16).replace("T", " ")} UTC, load before: ${loadBefore.toFixed(2)}`,
    ...facts.map((fact) => `- ${fact}`),
    `- ${results.length} subjects in turn; median, in brackets the lowest and highest round`,
  ].join("\n");
}

function replaced(text: string, key: string, body: string): string {
  const [start, end] = [`<!-- bench:${key} -->`, `<!-- /bench:${key} -->`];
  const whole = `${start}\n${body}\n${end}`;
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) return `${text.trimEnd()}\n\n${whole}\n`;
  return `${text.slice(0, from)}${whole}${text.slice(to + end.length)}`;
}
