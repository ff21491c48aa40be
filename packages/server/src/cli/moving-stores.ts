/** Which database is moved: the one of the configuration. */
import type { Config } from "../config/config.ts";
import type { NewEpoch } from "../storage/moving/epochs.ts";
import type { ExportSource, ImportTarget } from "../storage/moving/moving.ts";
import { beginPostgresEpoch } from "../storage/postgres/moving/new-epoch.ts";
import { openPostgresSource } from "../storage/postgres/moving/source.ts";
import { openPostgresTarget } from "../storage/postgres/moving/target.ts";
import { beginSqliteEpoch } from "../storage/sqlite/moving/new-epoch.ts";
import { openSqliteSource } from "../storage/sqlite/moving/source.ts";
import { openSqliteTarget } from "../storage/sqlite/moving/target.ts";

type Place = Pick<Config, "mode" | "dataDir" | "databaseUrl">;

/** @throws MovingError, StartupError */
export async function openSource({ dataDir, databaseUrl }: Place): Promise<ExportSource> {
  return databaseUrl === null ? openSqliteSource(dataDir) : openPostgresSource(databaseUrl);
}

/** @throws MovingError, StartupError */
export function openTarget({ mode, dataDir, databaseUrl }: Place): Promise<ImportTarget> {
  return databaseUrl === null ? openSqliteTarget(dataDir, mode) : openPostgresTarget(databaseUrl, mode);
}

/** @param skipped addresses of each key that may have been given and lost
 * @throws MovingError, StartupError */
export async function beginEpoch({ mode, dataDir, databaseUrl }: Place, skipped: number): Promise<NewEpoch> {
  return databaseUrl === null
    ? beginSqliteEpoch(dataDir, mode, skipped)
    : beginPostgresEpoch(databaseUrl, mode, skipped);
}

/** For people. */
export function placeOf({ dataDir, databaseUrl }: Place): string {
  return databaseUrl === null ? dataDir : "the PostgreSQL database";
}
