/** Charts as SVG, readable on light and dark. */
import { figure, type SubjectResult } from "./rounds.ts";

const WIDTH = 760;
const LABELS_WIDTH = 250;
const FIGURES_WIDTH = 110;
const BAR_HEIGHT = 22;
const ROW_HEIGHT = 34;
const TOP = 44;

/** One bar per subject, a line from the lowest to the highest sample. */
export function barChart(title: string, unit: string, results: readonly SubjectResult[]): string {
  const highest = Math.max(...results.map(({ value }) => value.max));
  const scale = (value: number) => ((WIDTH - LABELS_WIDTH - FIGURES_WIDTH) * value) / highest;
  const height = TOP + ROW_HEIGHT * results.length + 8;
  const rows = results.map((result, row) => bar(result, TOP + row * ROW_HEIGHT, scale, row === 0));
  return svg(title, unit, height, rows);
}

function svg(title: string, unit: string, height: number, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13" fill="#777">`,
    `<title>${escaped(title)}</title>`,
    `<text x="0" y="18" font-size="15">${escaped(title)} (${escaped(unit)})</text>`,
    ...content,
    "</svg>",
    "",
  ].join("\n");
}

const CURVE_HEIGHT = 220;
const CURVE_LEFT = 60;
const CURVE_RIGHT = 120;
const COLOURS = ["#d9822b", "#6b9bd1", "#7a9e4b"];

/** One curve for each thing that the subjects are `on`: the median of this detail over the number, which stands on a
 * logarithmic scale. The value axis begins at 0: what is flat looks flat. */
export function lineChart(title: string, detail: string, results: readonly SubjectResult[]): string {
  const names = [...new Set(results.flatMap(({ on }) => Object.keys(on)))];
  const highest = Math.max(...results.map(({ details }) => details[detail] ?? 0)) * 1.15;
  const widest = Math.log10(1 + Math.max(...results.flatMap(({ on }) => Object.values(on))));
  const x = (count: number) =>
    CURVE_LEFT + ((WIDTH - CURVE_LEFT - CURVE_RIGHT) * Math.log10(1 + count)) / (widest || 1);
  const y = (value: number) => TOP + CURVE_HEIGHT * (1 - value / highest);
  const axes = `<path d="M${CURVE_LEFT} ${TOP}V${TOP + CURVE_HEIGHT}H${WIDTH - CURVE_RIGHT}" stroke="#777" fill="none"/>`;
  const curves = names.flatMap((name, nth) => {
    const colour = COLOURS[nth % COLOURS.length] as string;
    const points = results.flatMap(({ on, details }) =>
      on[name] === undefined ? [] : [{ count: on[name], value: details[detail] ?? 0 }],
    );
    const legendY = TOP + CURVE_HEIGHT + 44 + 20 * nth;
    return [
      `<path d="M${points.map(({ count, value }) => `${x(count).toFixed(1)} ${y(value).toFixed(1)}`).join("L")}" stroke="${colour}" stroke-width="2" fill="none"/>`,
      ...points.map(({ count, value }) => point(x(count), y(value), { count, value, colour })),
      `<text x="${CURVE_LEFT}" y="${legendY}" fill="${colour}">${escaped(name)}</text>`,
    ];
  });
  return svg(title, detail, TOP + CURVE_HEIGHT + 52 + 20 * names.length, [axes, ...curves]);
}

function point(
  x: number,
  y: number,
  { count, value, colour }: { count: number; value: number; colour: string },
): string {
  return [
    `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="4" fill="${colour}"/>`,
    `<text x="${x.toFixed(1)}" y="${(y - 10).toFixed(1)}" text-anchor="middle">${figure(value)}</text>`,
    `<text x="${x.toFixed(1)}" y="${TOP + CURVE_HEIGHT + 18}" text-anchor="middle">${count.toLocaleString("en-GB")}</text>`,
  ].join("");
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
