/** What the rules look at: every text file of the repository, and for code what the parser says about it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseCode } from "@babel/parser";
import { type CodeFacts, factsOf } from "./facts.ts";

export interface SourceFile {
  /** From the repository's root, with `/`. */
  path: string;
  text: string;
}

export interface Finding {
  path: string;
  /** From 1. */
  line: number;
  rule: string;
  /** What is there, why it is unwanted, what to do about it. */
  what: string;
  why: string;
  fix: string;
}

export type Rule = (files: readonly SourceFile[]) => Finding[];

const LEFT_OUT_DIRECTORIES = new Set(["node_modules", "dist", "coverage", ".git", ".paybell"]);
const TEXT = /(\.(ts|tsx|mts|js|mjs|json|sql|yml|yaml|html|css|md|txt|sh)|^run)$/;
const CODE = /\.(ts|tsx|mts|js|mjs)$/;

/** Every text file below the root, in a stable order. Reads the working tree, so it also sees what is not committed. */
export function readSourceFiles(root: string): SourceFile[] {
  const files: SourceFile[] = [];
  const walk = (directory: string) => {
    const entries = readdirSync(join(root, directory), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      if (entry.isDirectory() && !LEFT_OUT_DIRECTORIES.has(entry.name)) walk(path);
      else if (entry.isFile() && TEXT.test(entry.name))
        files.push({ path, text: readFileSync(join(root, path), "utf8") });
    }
  };
  walk("");
  return files;
}

export function isCode(file: SourceFile): boolean {
  return CODE.test(file.path);
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

const parsed = new WeakMap<SourceFile, CodeFacts>();

/** Imports, functions and console calls of a code file. Throws, naming the file, when it does not parse. */
export function codeFacts(file: SourceFile): CodeFacts {
  const known = parsed.get(file);
  if (known) return known;
  const plugins = file.path.endsWith("x") ? (["typescript", "jsx"] as const) : (["typescript"] as const);
  let facts: CodeFacts;
  try {
    facts = factsOf(parseCode(file.text, { sourceType: "module", plugins: [...plugins] }).program);
  } catch (error) {
    throw new Error(`${file.path} does not parse: ${error instanceof Error ? error.message : error}`);
  }
  parsed.set(file, facts);
  return facts;
}
