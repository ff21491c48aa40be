/**
 * Loading the configuration: command line over environment over file over defaults. Anything unknown or wrong stops the
 * start, with its name, its place and what is allowed; all problems are told at once.
 */
import { isAbsolute, resolve } from "node:path";
import { strictAjv } from "../kit/strict-schema.ts";
import { checkConfig } from "./checks.ts";
import { completeConfig } from "./complete.ts";
import type { Config } from "./config.ts";
import { ConfigError } from "./config-error.ts";
import { readConfigFile } from "./config-file.ts";
import { type LayerInput, type Layers, layer, type Tree } from "./layers.ts";
import { configSchema, ENVIRONMENT, UNIT } from "./schema.ts";
import { schemaProblems } from "./schema-problems.ts";

export interface ConfigSources {
  /** Path given by `--config`; `null`: ./paybell.config.json, if there is one. */
  configFile: string | null;
  environment: LayerInput["environment"];
  /** By setting: `{ port: "9000", dataDir: "/var/lib/paybell" }`. */
  flags: LayerInput["flags"];
  /** Relative paths are relative to it. */
  cwd: string;
}

const validate = (() => {
  const ajv = strictAjv();
  for (const keyword of [ENVIRONMENT, UNIT]) ajv.addKeyword({ keyword, schemaType: "string" });
  return ajv.compile(configSchema);
})();

/** @throws ConfigError */
export function loadConfig(sources: ConfigSources): Config {
  return configFrom(readConfigFile(sources.configFile, sources.cwd), sources);
}

/**
 * As `loadConfig`, with the file read already.
 * @throws ConfigError
 */
export function configFrom(file: { name: string; tree: Tree }, sources: Omit<ConfigSources, "configFile">): Config {
  const layers = layer({ file: file.tree, environment: sources.environment, flags: sources.flags });
  const whereOf = (path: string) => placeOf(path, layers, file.name);
  const problems = [...layers.problems];
  if (!validate(layers.tree)) problems.push(...schemaProblems(validate.errors ?? [], whereOf));
  if (problems.length > 0) throw new ConfigError(problems);
  const { config, given } = completeConfig(layers.tree, (path) =>
    isAbsolute(path) ? path : resolve(sources.cwd, path),
  );
  const conflicts = checkConfig(config, given, whereOf);
  if (conflicts.length > 0) throw new ConfigError(conflicts);
  return config;
}

/** In words, where the value of this setting stands. */
function placeOf(path: string, { sources }: Layers, fileName: string): string {
  for (const [setting, source] of sources) {
    if (path === setting || path.startsWith(`${setting}[`)) return source;
  }
  return path === "" ? fileName : `${fileName}: ${path}`;
}
