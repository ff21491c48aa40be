/** Flags that name settings; every command that opens the database has the first three. */
import type { Command } from "commander";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load-config.ts";
import { SETTINGS } from "../config/settings.ts";
import type { CliIo } from "./io.ts";

/** The setting's meaning, default and environment name, from the one schema. */
function describe(name: string): string {
  const setting = SETTINGS.find(({ path }) => path.join(".") === name);
  if (!setting) throw new Error(`There is no setting ${name}.`);
  const words = setting.words ? ` One of: ${setting.words.join(", ")}.` : "";
  const preset = setting.default === undefined ? "" : ` Default: ${setting.default}.`;
  return `${setting.meaning}${words}${preset} [${setting.environment}]`;
}

/** `--mode`, `--data-dir`, `--config`. */
export function addDatabaseFlags(command: Command): Command {
  return command
    .option("--mode <mode>", describe("mode"))
    .option("--data-dir <path>", describe("dataDir"))
    .option("--config <file>", "Configuration file. Default: paybell.config.json, if there is one.");
}

/** And those of a server. */
export function addServerFlags(command: Command): Command {
  return addDatabaseFlags(command)
    .option("--host <address>", describe("host"))
    .option("--port <number>", describe("port"))
    .option("--log-level <level>", describe("logLevel"));
}

/** @throws ConfigError */
export function configFrom(command: Command, io: CliIo): Config {
  const { config, mode, dataDir, host, port, logLevel } = command.opts<Record<string, string | undefined>>();
  return loadConfig({
    configFile: config ?? null,
    environment: io.environment,
    flags: { mode, dataDir, host, port, logLevel },
    cwd: io.cwd,
  });
}
