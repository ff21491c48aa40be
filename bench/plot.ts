/** A bar chart as SVG: one bar per subject, a line from the lowest to the highest sample. Readable on light and dark. */
import { figure, type SubjectResult } from "./rounds.ts";

const WIDTH = 760;
const LABELS_WIDTH = 250;
const FIGURES_WIDTH = 110;
const BAR_HEIGHT = 22;
const ROW_HEIGHT = 34;
const TOP = 44;

export function barChart(title: string, unit: string, results: readonly SubjectResult[]): string {
  const highest = Math.max(...results.map(({ value }) => value.max));
  const scale = (value: number) => ((WIDTH - LABELS_WIDTH - FIGURES_WIDTH) * value) / highest;
  const height = TOP + ROW_HEIGHT * results.length + 8;
  const rows = results.map((result, row) => bar(result, TOP + row * ROW_HEIGHT, scale, row === 0));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13" fill="#777">`,
    `<title>${escaped(title)}</title>`,
    `<text x="0" y="18" font-size="15">${escaped(title)} (${escaped(unit)})</text>`,
    ...rows,
    "</svg>",
    "",
  ].join("\n");
}

function bar({ name, value }: SubjectResult, y: number, scale: (value: number) => number, first: boolean): string {
  const middle = y + BAR_HEIGHT / 2;
  const [low, high, end] = [value.min, value.max, value.median].map((part) => (LABELS_WIDTH + scale(part)).toFixed(1));
  return [
    `<text x="${LABELS_WIDTH - 8}" y="${middle + 4}" text-anchor="end">${escaped(name)}</text>`,
    `<rect x="${LABELS_WIDTH}" y="${y}" width="${scale(value.median).toFixed(1)}" height="${BAR_HEIGHT}" fill="${first ? "#d9822b" : "#6b9bd1"}"/>`,
    `<path d="M${low} ${middle}H${high}" stroke="#444" stroke-width="2"/>`,
    `<text x="${Math.max(Number(end), Number(high)) + 8}" y="${middle + 4}">${figure(value.median)}</text>`,
  ].join("");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
