/** Numbered, immutable SQL files. */
import { readdirSync, readFileSync } from "node:fs";

export interface Migration {
  version: number;
  /** `0001_log_and_payments`; with `.breaking` behind it, programs that do not know it cannot use the database any more. */
  name: string;
  sql: string;
}

export const isBreaking = (name: string): boolean => name.endsWith(".breaking");

/** All migrations of a folder, in order from 1. */
export function migrationsIn(folder: URL): readonly Migration[] {
  const files = readdirSync(folder).filter((file) => /^\d{4}_\w+(\.breaking)?\.sql$/.test(file));
  return files.sort().map((file, at) => {
    const version = Number(file.slice(0, 4));
    if (version !== at + 1) throw new Error(`Migration ${file} should have the number ${at + 1}.`);
    return { version, name: file.slice(0, -4), sql: readFileSync(new URL(file, folder), "utf8") };
  });
}
