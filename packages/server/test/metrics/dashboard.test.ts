/** docs/grafana/paybell.json asks for metrics that exist, by labels that they have, and leaves none out. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { METRICS, type MetricName, type MetricSpec } from "../../src/http/metric-table.ts";

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { h: number; w: number; x: number; y: number };
  targets?: { expr: string }[];
}

const file = new URL("../../../../docs/grafana/paybell.json", import.meta.url);
const dashboard = JSON.parse(readFileSync(file, "utf8")) as { panels: Panel[] };
const shown = dashboard.panels.filter(({ type }) => type !== "row");
const queries = shown.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

/** `name{label="…", …}` in an expression. */
function selectorsIn(expr: string): { name: string; labels: string[] }[] {
  return [...expr.matchAll(/([a-z]\w*)\{([^}]*)\}/g)].map(([, name = "", filters = ""]) => ({
    name,
    labels: [...filters.matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g)].map((match) => match[1] as string),
  }));
}

/** The metric behind a series: histograms have several. */
function metricOf(series: string): MetricName | null {
  if (series in METRICS) return series as MetricName;
  const base = series.replace(/_(bucket|sum|count)$/, "") as MetricName;
  return (METRICS as Record<string, MetricSpec>)[base]?.type === "histogram" ? base : null;
}

/** Added by Prometheus. */
const ALWAYS = ["instance", "job", "le"];

describe("the dashboard", () => {
  it.each(queries)("$title: $expr", ({ expr }) => {
    const selectors = selectorsIn(expr);
    expect(selectors).not.toEqual([]);
    for (const { name, labels } of selectors) {
      const metric = metricOf(name);
      expect(metric, name).not.toBeNull();
      const known = [...METRICS[metric as MetricName].labels, ...ALWAYS];
      expect(known).toEqual(expect.arrayContaining(labels));
    }
    const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap((match) => (match[1] as string).split(/,\s*/));
    const available = selectors.flatMap(({ name }) => [...METRICS[metricOf(name) as MetricName].labels, ...ALWAYS]);
    expect(available).toEqual(expect.arrayContaining(grouped));
  });

  it("shows every metric", () => {
    const asked = new Set(queries.flatMap(({ expr }) => selectorsIn(expr).map(({ name }) => metricOf(name))));
    expect(Object.keys(METRICS).filter((name) => !asked.has(name as MetricName))).toEqual([]);
  });

  it("has panels with ids of their own, side by side", () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Array.from({ length: h * w }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });

  it("would notice a metric that is not there", () => {
    expect(metricOf("paybell_payment")).toBeNull();
    expect(metricOf("paybell_payments_bucket")).toBeNull();
    expect(metricOf("paybell_commit_commands_bucket")).toBe("paybell_commit_commands");
  });
});
