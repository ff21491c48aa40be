/** The inspector thread: looks at a database without changing it, however long that takes, and never disturbs its server. */
import { DatabaseSync } from "node:sqlite";
import { Connection } from "./connection.ts";
import { pendingMigrations } from "./migrate.ts";
import { merchants } from "./reading/merchants.ts";
import { serve } from "./rpc.ts";

export interface Inspection {
  /** What is stored; `null`: nothing yet. */
  mode: string | null;
  journalMode: string;
  /** Names of the migrations that are still to be applied. */
  pending: readonly string[];
  /** What `PRAGMA quick_check` complains of; empty: nothing. `null`: it was not asked. */
  damage: readonly string[] | null;
  /** `null`: the schema is not this program's. */
  merchants: readonly { id: string; xpubChains: readonly string[]; hasSecretKey: boolean }[] | null;
}

const MOST_COMPLAINTS = 5;

const operations = {
  /** @param thoroughly reads the whole file; meanwhile a server's WAL can only grow
   * @throws StartupError when a newer Paybell has written the file, or it is not Paybell's; what SQLite throws */
  inspect(file: string, thoroughly: boolean): Inspection {
    const connection = new Connection(new DatabaseSync(file, { readOnly: true }));
    try {
      const pending = pendingMigrations(connection, file).map(({ name }) => name);
      const isCurrent = pending.length === 0;
      const mode = isCurrent ? connection.get<{ mode: string }>("SELECT mode FROM meta")?.mode : undefined;
      return {
        mode: mode ?? null,
        journalMode: String(connection.pragma("journal_mode")),
        pending,
        damage: thoroughly ? complaints(connection) : null,
        merchants: isCurrent ? merchantsIn(connection) : null,
      };
    } finally {
      connection.close();
    }
  },
};
export type InspectorOperations = typeof operations;

function complaints(connection: Connection): string[] {
  const lines = connection.all<{ quick_check: string }>(`PRAGMA quick_check(${MOST_COMPLAINTS})`);
  return lines.map((row) => row.quick_check).filter((line) => line !== "ok");
}

function merchantsIn(connection: Connection): NonNullable<Inspection["merchants"]> {
  const withKey = new Set(
    connection
      .all<{ merchant_id: string }>(
        "SELECT DISTINCT merchant_id FROM api_keys WHERE kind = 'secret' AND revoked_at_ms IS NULL",
      )
      .map((row) => row.merchant_id),
  );
  return merchants(connection).map(({ id, xpubs }) => ({
    id,
    xpubChains: Object.keys(xpubs),
    hasSecretKey: withKey.has(id),
  }));
}

serve(operations);
