/** Each rule of the house fires on a fixture that breaks it, and stays silent on one that does not. */
import { describe, expect, it } from "vitest";
import { importDirections } from "../../../../tools/tidy/imports.ts";
import { orphanFiles } from "../../../../tools/tidy/orphans.ts";
import { describeFinding } from "../../../../tools/tidy/rules.ts";
import type { Rule, SourceFile } from "../../../../tools/tidy/source.ts";
import {
  fileLength,
  functionLength,
  hostsAndPaths,
  leftOvers,
  noPrinting,
  purePayments,
} from "../../../../tools/tidy/text-rules.ts";

const SRC = "packages/server/src/";

function file(path: string, ...lines: string[]): SourceFile {
  return { path, text: `${lines.join("\n")}\n` };
}

/** `path:line` of what the rule finds. */
function found(rule: Rule, ...files: SourceFile[]): string[] {
  return rule(files).map(({ path, line }) => `${path}:${line}`);
}

describe("import directions", () => {
  const refused: [string, string, string][] = [
    ["payments importing the log", "payments/decide.ts", "../log/event-log.ts"],
    ["payments importing a package", "payments/decide.ts", "viem"],
    ["payments importing Node", "payments/decide.ts", "node:fs"],
    ["the log importing a store", "log/reader.ts", "../storage/sqlite/store.ts"],
    ["a store importing ingest", "storage/sqlite/store.ts", "../../ingest/ingest.ts"],
    ["a watcher importing fan-out", "chains/sandbox/watcher.ts", "../../fanout/hub.ts"],
    ["one chain importing another", "chains/bitcoin/watcher.ts", "../sandbox/chain.ts"],
    ["a shared chain file importing one chain", "chains/registry.ts", "./bitcoin/watcher.ts"],
    ["ingest importing a concrete chain", "ingest/ingest.ts", "../chains/sandbox/watcher.ts"],
    ["fan-out importing a concrete bus", "fanout/hub.ts", "../bus/memory-bus.ts"],
    ["a transport importing payments", "transports/sse/sse.ts", "../../payments/payment.ts"],
    ["a protocol importing a store", "protocols/native/native.ts", "../../storage/sqlite/store.ts"],
    ["the API importing a chain", "http/payments.ts", "../chains/sandbox/chain.ts"],
    ["kit importing the log", "kit/clock.ts", "../log/position.ts"],
    ["anyone importing main", "http/server.ts", "../main.ts"],
    ["anyone importing the command line", "http/server.ts", "../cli/start.ts"],
    ["main importing the command line", "main.ts", "./cli/start.ts"],
    ["the program importing its testkit", "ingest/ingest.ts", "../../testkit/clock.ts"],
    ["a folder that is no part of the house", "helpers/text.ts", "../log/position.ts"],
  ];

  it.each(refused)("refuses %s", (_name, path, specifier) => {
    const source = file(`${SRC}${path}`, "// first line", `import { x } from "${specifier}";`);
    expect(found(importDirections, source)).toEqual([`${SRC}${path}:2`]);
  });

  const allowed: [string, string][] = [
    ["payments/decide.ts", "@paybell/protocol"],
    ["payments/decide.ts", "./payment.ts"],
    ["log/event-log.ts", "../payments/payment.ts"],
    ["storage/sqlite/store.ts", "../../log/store.ts"],
    ["storage/sqlite/store.ts", "./worker.ts"],
    ["ingest/ingest.ts", "../chains/watcher.ts"],
    ["fanout/hub.ts", "../bus/bus.ts"],
    ["protocols/blockonomics/blockonomics.ts", "../../transports/websocket/connection.ts"],
    ["chains/bitcoin/watcher.ts", "../../kit/clock.ts"],
    ["main.ts", "./storage/sqlite/store.ts"],
    ["cli/start.ts", "../main.ts"],
  ];

  it.each(allowed)("lets %s import %s", (path, specifier) => {
    expect(found(importDirections, file(`${SRC}${path}`, `import { x } from "${specifier}";`))).toEqual([]);
  });

  it.each([
    ["a type import", 'import type { EventLog } from "../log/event-log.ts";'],
    ["an export from", 'export { x } from "../log/event-log.ts";'],
    ["export all", 'export * from "../log/event-log.ts";'],
    ["a dynamic import", 'const log = await import("../log/event-log.ts");'],
    ["a type query", 'let log: import("../log/event-log.ts").EventLog;'],
    ["a worker", 'new Worker(new URL("../log/event-log.ts", import.meta.url));'],
  ])("sees %s", (_name, line) => {
    expect(found(importDirections, file(`${SRC}transports/x.ts`, line))).toEqual([`${SRC}transports/x.ts:1`]);
  });

  it("keeps the protocol package free of dependencies", () => {
    const source = file("packages/protocol/src/payment.ts", 'import { Type } from "typebox";', 'import "./event.ts";');
    expect(found(importDirections, source)).toEqual(["packages/protocol/src/payment.ts:1"]);
  });
});

describe("orphan files", () => {
  const cli = file(`${SRC}cli/paybell.ts`, 'import "./start.ts";');

  it("finds a file that nobody imports", () => {
    const start = file(`${SRC}cli/start.ts`, "export {};");
    expect(found(orphanFiles, cli, start, file(`${SRC}kit/lost.ts`, ""))).toEqual([`${SRC}kit/lost.ts:1`]);
  });

  it("finds files that only import each other", () => {
    const a = file(`${SRC}kit/a.ts`, 'import "./b.ts";');
    const b = file(`${SRC}kit/b.ts`, 'import "./a.ts";');
    expect(found(orphanFiles, a, b)).toEqual([`${SRC}kit/a.ts:1`, `${SRC}kit/b.ts:1`]);
  });

  it("finds a source that only its test imports", () => {
    const test = file("packages/server/test/kit/a.test.ts", 'import "../../src/kit/a.ts";');
    expect(found(orphanFiles, test, file(`${SRC}kit/a.ts`, ""))).toEqual([`${SRC}kit/a.ts:1`]);
  });

  it("finds a testkit file that no test uses", () => {
    expect(found(orphanFiles, file("packages/server/testkit/old.ts", ""))).toEqual([
      "packages/server/testkit/old.ts:1",
    ]);
  });

  it("leaves ambient declarations to the compiler", () => {
    expect(found(orphanFiles, file("packages/server/testkit/bcoin.d.ts", ""))).toEqual([]);
  });

  it("counts a worker and a script of package.json as used", () => {
    const start = file(`${SRC}cli/start.ts`, 'new Worker(new URL("../storage/sqlite/worker.ts", import.meta.url));');
    const worker = file(`${SRC}storage/sqlite/worker.ts`, "");
    const scripts = file("package.json", JSON.stringify({ scripts: { check: "node tools/check.ts" } }));
    expect(found(orphanFiles, cli, start, worker, scripts, file("tools/check.ts", ""))).toEqual([]);
  });
});

describe("lengths", () => {
  const lines = (count: number) => Array.from({ length: count }, (_, index) => `  f(${index});`);

  it("refuses a file of 401 lines and accepts one of 400", () => {
    expect(found(fileLength, file("tools/a.ts", ...lines(401)))).toEqual(["tools/a.ts:401"]);
    expect(found(fileLength, file("tools/a.ts", ...lines(400)))).toEqual([]);
  });

  it("refuses a function of 71 lines and accepts one of 70", () => {
    const long = (count: number) => file("tools/a.ts", "", "function long() {", ...lines(count - 2), "}");
    expect(found(functionLength, long(71))).toEqual(["tools/a.ts:2"]);
    expect(found(functionLength, long(70))).toEqual([]);
  });

  it.each([
    ["a method", "class A {", "  run() {", "  }", "}"],
    ["an arrow function", "{", "const run = () => {", "};", "}"],
    ["a private method", "class A {", "  #run() {", "  }", "}"],
  ])("measures %s", (_name, open, head, close, end) => {
    expect(found(functionLength, file("tools/a.ts", open, head, ...lines(69), close, end))).toEqual(["tools/a.ts:2"]);
  });

  it("measures the callbacks of a test file one by one", () => {
    const it = (count: number) => ['  it("does", () => {', ...lines(count - 2), "  });"];
    const suite = (...tests: string[][]) => file("a.test.ts", 'describe("a", () => {', ...tests.flat(), "});");
    expect(found(functionLength, suite(it(40), it(40), it(40)))).toEqual([]);
    expect(found(functionLength, suite(it(40), it(71)))).toEqual(["a.test.ts:42"]);
    const helper = ["  function help() {", ...lines(38), "  }"];
    expect(found(functionLength, suite(helper, helper, it(40)))).toEqual([]);
    expect(found(functionLength, suite(lines(69)))).toEqual(["a.test.ts:1"]);
  });
});

describe("words", () => {
  // Put together from halves, so that the rules do not find their own fixtures.
  const words = [
    ["// TO", "DO: later"],
    ["// FIX", "ME"],
    ["// XX", "X"],
    ["// HA", "CK"],
    ['throw new Error("not imple', 'mented");'],
    ["it.sk", 'ip("later", () => {});'],
    ["describe.on", 'ly("this", () => {});'],
  ];

  it.each(words)("refuses the left-over %s%s", (...halves) => {
    expect(found(leftOvers, file("tools/a.ts", "", halves.join("")))).toEqual(["tools/a.ts:2"]);
  });

  it("accepts words that only contain one", () => {
    expect(found(leftOvers, file("tools/a.ts", "const shackle = mastodon.only;"))).toEqual([]);
  });

  it.each([
    ["https://registry.", "npmjs.org/ws"],
    ["http://deb.", "debian.org/"],
    ["'/wor", "k/main/a.ts'"],
    ["cp /ho", "me/ada/x ."],
    [" /tm", "p/scratch/x"],
  ])("refuses the machine's %s%s", (...halves) => {
    expect(found(hostsAndPaths, file(".ci/run", halves.join("")))).toEqual([".ci/run:1"]);
  });

  it("accepts paths of the repository", () => {
    const folder = ["/wor", "k/"].join("");
    const text = `see docs${folder}a.md and https://example.com${folder}`;
    expect(found(hostsAndPaths, file("a.md", text))).toEqual([]);
  });
});

describe("calls", () => {
  const printing = (path: string) => file(path, "", 'console.log("here");');

  it("refuses printing in the server, its tests and its testkit, not in the command line", () => {
    expect(found(noPrinting, printing(`${SRC}http/a.ts`))).toEqual([`${SRC}http/a.ts:2`]);
    expect(found(noPrinting, printing("packages/server/testkit/a.ts"))).toEqual(["packages/server/testkit/a.ts:2"]);
    expect(found(noPrinting, printing(`${SRC}cli/a.ts`), printing("tools/a.ts"))).toEqual([]);
  });

  it("ignores printing inside a text", () => {
    expect(found(noPrinting, file(`${SRC}http/a.ts`, "const sample = 'console.log(1)';"))).toEqual([]);
  });

  it.each(["Date.now()", "new Date()", "Math.random()"])("refuses %s in payments", (call) => {
    expect(found(purePayments, file(`${SRC}payments/a.ts`, `const x = ${call};`))).toEqual([`${SRC}payments/a.ts:1`]);
    expect(found(purePayments, file(`${SRC}kit/a.ts`, `const x = ${call};`))).toEqual([]);
  });
});

it("prints a finding with its place, its reason and what to do", () => {
  const [finding] = fileLength([file("tools/a.ts", ..."x".repeat(401).split(""))]);
  expect(finding && describeFinding(finding)).toBe(
    "tools/a.ts:401 file-length: 401 lines, more than 400. Why: a file is one room: it should be read in one go. Do: split it by responsibility.",
  );
});
