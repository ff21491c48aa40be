/** Reading paybell.config.json. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../kit/errors.ts";
import { shapeOf } from "../kit/json-shape.ts";
import { ConfigError } from "./config-error.ts";
import type { Tree } from "./layers.ts";

export const DEFAULT_CONFIG_FILE = "paybell.config.json";
/** Deepest nesting of arrays and objects; the deepest setting is at 5. */
const MAX_DEPTH = 32;

/**
 * @param path as it was given on the command line; `null`: the default one, which may be missing
 * @throws ConfigError
 */
export function readConfigFile(path: string | null, cwd: string): { name: string; tree: Tree } {
  const name = path ?? DEFAULT_CONFIG_FILE;
  const text = readText(resolve(cwd, name), name, path === null);
  return { name, tree: text === null ? {} : parseConfigText(text, name) };
}

/**
 * @param name of the file, for messages
 * @throws ConfigError
 */
export function parseConfigText(text: string, name: string): Tree {
  const value = parseJson(text, name);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError([{ where: name, what: "the file holds no JSON object", whatToDo: 'Begin with "{}".' }]);
  }
  if (shapeOf(value, MAX_DEPTH).depth > MAX_DEPTH) {
    throw new ConfigError([{ where: name, what: "it is nested too deeply", whatToDo: "No setting is so deep." }]);
  }
  // For editors, which take completion and checks from it.
  const { $schema: _forEditors, ...tree } = value as Tree;
  return tree;
}

function readText(file: string, name: string, mayBeMissing: boolean): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (missing && mayBeMissing) return null;
    const what = missing ? "there is no such file" : messageOf(error);
    throw new ConfigError([
      { where: name, what, whatToDo: "Give the path of a readable file, or leave --config out." },
    ]);
  }
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError([
      {
        where: name,
        what: `the file is not JSON: ${messageOf(error)}`,
        whatToDo: "Comments and trailing commas are not allowed.",
      },
    ]);
  }
}
