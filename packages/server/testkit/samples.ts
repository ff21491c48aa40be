/**
 * The code samples of the documents that Paybell implements: cut out of the verbatim document and changed only by the
 * listed patches. `test/samples/<name>/document.txt` is the document, `patches.json` beside it says where its samples
 * stand and lists every change with its reason. What a document lacks (a heading without its code) is written by us, in
 * `own.txt`, and `patches.json` says why.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { until } from "./until.ts";

export interface SampleSpec {
  /** The line of the document after which the sample begins. It must occur once. Left out: see `block`. */
  after?: string;
  /** The line before which it ends; left out: it ends with the document. */
  before?: string;
  /** Instead of lines: the how-manieth block between ``` fences it is, counted from 1. */
  block?: number;
  /** It is not the document's but our own, cut from `own.txt`: why. */
  own?: string;
  changes: SampleChange[];
}

export interface SampleChange {
  /** Must occur in the sample as often as `times` says. */
  find: string;
  /** `{name}` is filled in by the test. */
  replace: string;
  /** 1 unless told. */
  times?: number;
  /** Why a client's author would make this change too. */
  reason: string;
}

export type SampleSpecs = Record<string, SampleSpec>;

const SAMPLES = new URL("../test/samples/", import.meta.url);

/** The samples of one document, ready to run. `values` fill the patches' `{name}`s. */
export function readSample(document: string, sample: string, values: Record<string, string>): string {
  const specs = JSON.parse(readFileSync(new URL(`${document}/patches.json`, SAMPLES), "utf8")) as SampleSpecs;
  const spec = specs[sample];
  if (!spec) throw new Error(`${document}/patches.json has no sample "${sample}": ${Object.keys(specs).join(", ")}.`);
  const file = spec.own === undefined ? "document.txt" : "own.txt";
  const text = readFileSync(new URL(`${document}/${file}`, SAMPLES), "utf8");
  return applyChanges(cutSample(text, spec), spec.changes, values);
}

/** The lines between the two markers, or of the block. */
export function cutSample(text: string, spec: Pick<SampleSpec, "after" | "before" | "block">): string {
  const lines = text.split("\n");
  if (spec.block !== undefined) return cutBlock(lines, spec.block);
  if (spec.after === undefined) throw new Error("A sample needs the line after which it begins, or a block.");
  const start = onlyLine(lines, spec.after) + 1;
  const end = spec.before === undefined ? lines.length : onlyLine(lines, spec.before);
  if (end <= start) throw new Error(`"${spec.before}" stands before "${spec.after}" in the document.`);
  return lines.slice(start, end).join("\n").trim();
}

function cutBlock(lines: readonly string[], block: number): string {
  const fences = lines.flatMap((line, at) => (line.startsWith("```") ? [at] : []));
  const [start, end] = fences.slice(2 * (block - 1), 2 * block);
  if (start === undefined || end === undefined) throw new Error(`The document has no block ${block}.`);
  return lines.slice(start + 1, end).join("\n");
}

/** Throws when a change does not apply exactly as often as it says: the document and its patches must agree. */
export function applyChanges(code: string, changes: readonly SampleChange[], values: Record<string, string>): string {
  let changed = code;
  for (const { find, replace, times = 1 } of changes) {
    const parts = changed.split(find);
    if (parts.length - 1 !== times) {
      throw new Error(`"${find}" stands ${parts.length - 1} times in the sample, not ${times}.`);
    }
    changed = parts.join(fill(replace, values));
  }
  return changed;
}

function fill(template: string, values: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`The test gives no value for {${name}}.`);
    return value;
  });
}

function onlyLine(lines: readonly string[], wanted: string): number {
  const first = lines.indexOf(wanted);
  if (first === -1 || lines.indexOf(wanted, first + 1) !== -1) {
    throw new Error(`"${wanted}" must stand in the document as exactly one line.`);
  }
  return first;
}

/** A sample as a Node program of its own. */
export class NodeSample {
  readonly #child;
  #output = "";

  /** Runs the code as an ES module, or as what it was written as, that finds the server's packages (`ws` among them). */
  constructor(code: string, type: "module" | "commonjs" | "module-typescript" = "module") {
    this.#child = spawn(process.execPath, [`--input-type=${type}`, "--eval", code], {
      cwd: fileURLToPath(new URL("..", import.meta.url)),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (chunk: Buffer) => {
      this.#output += chunk.toString();
    };
    this.#child.stdout.on("data", keep);
    this.#child.stderr.on("data", keep);
  }

  /** Standard output and error so far. */
  get output(): string {
    return this.#output;
  }

  /** How often it has printed this. */
  count(text: string): number {
    return this.#output.split(text).length - 1;
  }

  /** Resolves when it has printed this so often. @throws Error with everything that it printed */
  async prints(text: string, times = 1): Promise<void> {
    await until(
      () => `${times} × "${text}"; the program printed: ${this.#output}`,
      () => this.count(text) >= times,
    );
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    this.#child.kill("SIGKILL");
    await ended;
  }
}
