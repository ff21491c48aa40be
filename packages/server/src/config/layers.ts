/** The three places in which a value may stand, laid over each other: file, environment, command line. */
import type { ConfigProblem } from "./config-error.ts";
import { nearest } from "./nearest.ts";
import { SETTINGS, type Setting } from "./settings.ts";

export type Tree = Record<string, unknown>;

/** A value in its layer, with the words for where it stands. */
export interface Layers {
  /** File, environment and flags together; not yet checked. */
  tree: Tree;
  /** Path of a setting → where its value came from. Settings of the file are not listed. */
  sources: ReadonlyMap<string, string>;
  problems: readonly ConfigProblem[];
}

export interface LayerInput {
  file: Tree;
  environment: Readonly<Record<string, string | undefined>>;
  /** By the setting's path: `{ port: "9000" }`. */
  flags: Readonly<Record<string, string | undefined>>;
}

const PREFIX = "PAYBELL_";
/** A map: an object would know `constructor` too. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["1", true],
  ["true", true],
  ["0", false],
  ["false", false],
]);

export function layer({ file, environment, flags }: LayerInput): Layers {
  const tree = structuredClone(file);
  const sources = new Map<string, string>();
  const problems = unknownVariables(environment);
  for (const setting of SETTINGS) {
    const name = setting.path.join(".");
    const flag = flags[name];
    const variable = setting.environment === null ? undefined : environment[setting.environment];
    // An empty variable counts as none: that is how compose files and shells leave one out.
    const [text, source] =
      flag !== undefined ? [flag, flagName(name)] : [variable || undefined, `environment: ${setting.environment}`];
    if (text === undefined) continue;
    sources.set(name, source);
    const value = parse(setting, text);
    if (value === undefined) problems.push({ where: source, ...unreadable(setting, text) });
    else place(tree, setting.path, value);
  }
  return { tree, sources, problems };
}

/** `dataDir` → `--data-dir`. */
export function flagName(setting: string): string {
  return `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function unknownVariables(environment: LayerInput["environment"]): ConfigProblem[] {
  const known = SETTINGS.flatMap((setting) => setting.environment ?? []);
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .map((name) => {
      const meant = nearest(name, known);
      return {
        where: `environment: ${name}`,
        what: "there is no such setting",
        whatToDo: meant ? `Did you mean ${meant}?` : `Known are: ${known.join(", ")}.`,
      };
    });
}

/** `undefined`: the text cannot be read as this type. Whether the value is allowed is for the schema to say. */
function parse(setting: Setting, text: string): unknown {
  switch (setting.type) {
    case "integer":
      return /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : undefined;
    case "boolean":
      return BOOLEANS.get(text);
    case "array":
      return text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "");
    default:
      return text;
  }
}

function unreadable(setting: Setting, text: string): Pick<ConfigProblem, "what" | "whatToDo"> {
  const allowed =
    setting.type === "boolean" ? "1, true, 0, false" : `a whole number${setting.unit ? ` of ${setting.unit}` : ""}`;
  return { what: `"${text}" cannot be read`, whatToDo: `Allowed: ${allowed}.` };
}

function place(tree: Tree, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    tree[name] = value;
    return;
  }
  const inner = tree[name];
  const branch = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? (inner as Tree) : {};
  tree[name] = branch;
  place(branch, rest, value);
}
