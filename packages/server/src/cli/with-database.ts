/** The database of a configuration, for commands that work beside a running server: rows that it reads, no log. */
import type { Config } from "../config/config.ts";
import type { MerchantStore } from "../log/store.ts";
import { openStore } from "../open-store.ts";

export interface Administration {
  merchants: MerchantStore;
  /** Names of the migrations that this opening has applied. */
  migrated: readonly string[];
}

/** Opens, works, closes. @throws StartupError */
export async function withDatabase<T>(config: Config, work: (admin: Administration) => Promise<T>): Promise<T> {
  let broken: Error | null = null;
  const store = await openStore(config, {
    exclusive: false,
    onFatal: (error) => {
      broken = error;
    },
    // Of what goes on beside the command's own work, which hears its own errors: hints to other processes.
    onError: () => undefined,
  });
  try {
    return await work(store);
  } catch (error) {
    throw broken ?? error;
  } finally {
    if (!broken) await store.close();
  }
}
