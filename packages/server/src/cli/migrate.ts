/** `paybell migrate`: brings the database to the version of this program. The start does it by itself as well. */
import { Command } from "commander";
import { addDatabaseFlags, configFrom } from "./config-flags.ts";
import type { CliIo } from "./io.ts";
import { withDatabase } from "./with-database.ts";

export function migrateCommand(io: CliIo): Command {
  const migrate = new Command("migrate").description(
    "Bring the database to this version; `paybell start` does so by itself. Refused while a server runs on it that could not go on",
  );
  return addDatabaseFlags(migrate).action(async () => {
    const config = configFrom(migrate, io);
    const migrated = await withDatabase(config, async (admin) => admin.migrated);
    for (const name of migrated) io.out(`${name}\n`);
    io.err(migrated.length === 0 ? "The database is up to date.\n" : `Applied ${migrated.length}.\n`);
  });
}
