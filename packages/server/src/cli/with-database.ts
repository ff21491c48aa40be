/** The database of a configuration, for commands that work beside a running server: rows that it reads, no log. */
import type { Config } from "../config/config.ts";
import type { MerchantStore } from "../log/store.ts";
import { SqliteDatabase } from "../storage/sqlite/database.ts";
import { SqliteMerchantStore } from "../storage/sqlite/merchant-store.ts";

export interface Administration {
  merchants: MerchantStore;
  /** Names of the migrations that this opening has applied. */
  migrated: readonly string[];
}

/** Opens, works, closes. @throws StartupError */
export async function withDatabase<T>(config: Config, work: (admin: Administration) => Promise<T>): Promise<T> {
  let broken: Error | null = null;
  const database = await SqliteDatabase.open({
    dataDir: config.dataDir,
    mode: config.mode,
    exclusive: false,
    pendingCommands: config.limits.pendingCommands,
    onFatal: (error) => {
      broken = error;
    },
    onListenerError: (error) => {
      throw error;
    },
  });
  try {
    return await work({ merchants: new SqliteMerchantStore(database), migrated: database.migrated });
  } catch (error) {
    throw broken ?? error;
  } finally {
    if (!broken) await database.close();
  }
}
