/** A look at a database that changes nothing: for whoever asks what is wrong with it. */
import { Connection } from "./connection.ts";
import { pendingMigrations } from "./migrate.ts";
import { merchants } from "./reading/merchants.ts";
import { unfitness } from "./start.ts";

export interface Inspection {
  /** `17.2` */
  version: string;
  /** Why what is acknowledged could be lost, and what to do; `null`: it could not. */
  unfit: { what: string; whatToDo: string } | null;
  /** What is stored; `null`: nothing yet. */
  mode: string | null;
  sizeMib: number;
  /** Names of the migrations that are still to be applied. */
  pending: readonly string[];
  /** `null`: the schema is not this program's. */
  merchants: readonly { id: string; xpubChains: readonly string[]; hasSecretKey: boolean }[] | null;
}

const TIMEOUT_MS = 10_000;

/** @throws ConnectionLost; StartupError when a newer Paybell has written it, or it is not Paybell's */
export async function inspectDatabase(url: string): Promise<Inspection> {
  const connection = await Connection.open({ url, statementTimeoutMs: TIMEOUT_MS, connectTimeoutMs: TIMEOUT_MS });
  try {
    const pending = (await pendingMigrations(connection)).map(({ name }) => name);
    const isCurrent = pending.length === 0;
    const about = await connection.get<{ version: string; bytes: number }>(
      "SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes",
    );
    const meta = isCurrent ? await connection.get<{ mode: string }>("SELECT mode FROM meta") : undefined;
    return {
      version: about?.version ?? "",
      unfit: await unfitness(connection),
      mode: meta?.mode ?? null,
      sizeMib: Math.ceil((about?.bytes ?? 0) / 1_048_576),
      pending,
      merchants: isCurrent ? await merchantsIn(connection) : null,
    };
  } finally {
    await connection.close();
  }
}

async function merchantsIn(connection: Connection): Promise<NonNullable<Inspection["merchants"]>> {
  const rows = await connection.all<{ merchant_id: string }>(
    "SELECT DISTINCT merchant_id FROM api_keys WHERE kind = 'secret' AND revoked_at_ms IS NULL",
  );
  const withKey = new Set(rows.map((row) => row.merchant_id));
  return (await merchants(connection)).map(({ id, xpubs }) => ({
    id,
    xpubChains: Object.keys(xpubs),
    hasSecretKey: withKey.has(id),
  }));
}
