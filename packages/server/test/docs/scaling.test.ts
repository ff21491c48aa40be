/** docs/guides/scaling.md and deploy/haproxy.cfg speak of metrics, limits, settings and paths that exist. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { SETTINGS } from "../../src/config/settings.ts";
import { METRICS } from "../../src/http/metric-table.ts";
import { LIMITS } from "../../src/kit/limits.ts";

const read = (name: string) => readFileSync(fileURLToPath(new URL(`../../../../${name}`, import.meta.url)), "utf8");
const guide = read("docs/guides/scaling.md");
const texts = guide + read("deploy/haproxy.cfg") + read("compose.yaml");
const named = (pattern: RegExp) => [...new Set([...texts.matchAll(pattern)].map((match) => match[1] as string))];

describe("what the guide to many nodes names", () => {
  it.each([
    ["metrics", named(/`(paybell_[a-z_]+)`/g), Object.keys(METRICS)],
    ["limits", named(/`limits\.(\w+)`/g), Object.keys(LIMITS)],
    ["settings", named(/\b(PAYBELL_[A-Z_]+)\b/g), SETTINGS.map(({ environment }) => environment)],
    ["settings of the file", named(/`(drain\w+)`/g), SETTINGS.map(({ path }) => path.at(-1))],
  ])("%s exist", (_what, names, known) => {
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });

  it("its times are those that the settings give", () => {
    const { pingIntervalMs, longPollMs } = LIMITS;
    expect(Math.max(pingIntervalMs.default, longPollMs.default)).toBe(30_000);
    for (const name of ["client", "server", "tunnel"]) expect(texts).toMatch(new RegExp(`timeout ${name} 75s`));
  });
});
