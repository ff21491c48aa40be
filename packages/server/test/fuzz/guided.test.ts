/** The coverage-guided runs, bounded and with a fixed seed; longer by hand with `npm run fuzz`. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { TARGETS } from "../../testkit/fuzz/targets.ts";
import { EXIT } from "./fixtures/maze.ts";

const RUN = fileURLToPath(new URL("../../../../tools/fuzz/run.ts", import.meta.url));
const MAZE = fileURLToPath(new URL("./fixtures/maze.ts", import.meta.url));

async function fuzz(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ["--conditions=@paybell/source", RUN, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { output: await text(child.stdout), code: await ended };
}

it("no parser fails on thousands of inputs that coverage leads", async () => {
  const { code, output } = await fuzz("--runs", "2000", "--seed", "1");
  expect(output).not.toMatch(/hangs|Finding/);
  expect(code, output).toBe(0);
  for (const { name } of TARGETS) expect(output).toMatch(new RegExp(`^${name}: 2\\d{3} inputs, .* 0 findings$`, "m"));
}, 120_000);

it("coverage leads to a mistake that chance would not find", async () => {
  const { code, output } = await fuzz("--runs", "150000", "--seed", "1", "--targets", MAZE);
  expect(output).toMatch(/maze: .* 1 findings/);
  expect(output).toContain(`TypeError: a mistake at "${EXIT}`);
  expect(code).toBe(1);
}, 120_000);
