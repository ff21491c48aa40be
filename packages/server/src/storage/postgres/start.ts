/** What is asked of a database before it is used: its version, durability, schema, mode, epoch. */
import { StartupError } from "../../kit/startup-error.ts";
import { type Mode, newEpoch } from "../meta.ts";
import type { Connection } from "./connection.ts";
import { StorageError } from "./errors.ts";
import { knownMigrations, migrate } from "./migrate.ts";
import { serve } from "./serving.ts";

export interface Started {
  epoch: string;
  /** Names of the migrations that were applied now. */
  migrated: readonly string[];
}

const OLDEST_VERSION = 140_000;
/** Rows of processes that ended without a word go after this time. */
const FORGOTTEN_WRITERS = "DELETE FROM writers WHERE touched_at < now() - interval '30 days'";

/** @throws StartupError */
export async function start(connection: Connection, mode: Mode): Promise<Started> {
  const unfit = await unfitness(connection);
  if (unfit) throw new StartupError(unfit.what, unfit.whatToDo);
  const migrated = await migrate(connection);
  await connection.run(FORGOTTEN_WRITERS);
  return { epoch: await agree(connection, mode), migrated };
}

interface Server {
  version: number;
  version_name: string;
  fsync: string;
  synchronous_commit: string;
  encoding: string;
  standby: boolean;
}

const SERVER = `SELECT current_setting('server_version_num')::integer AS version,
    current_setting('server_version') AS version_name, current_setting('fsync') AS fsync,
    current_setting('synchronous_commit') AS synchronous_commit, current_setting('server_encoding') AS encoding,
    pg_is_in_recovery() AS standby`;

/** Why what is acknowledged on this connection could be lost or changed; `null`: it could not.
 * @throws ConnectionLost */
export async function unfitness(connection: Connection): Promise<{ what: string; whatToDo: string } | null> {
  const server = await connection.get<Server>(SERVER);
  if (!server) return null;
  if (server.version < OLDEST_VERSION) {
    const what = `The database is PostgreSQL ${server.version_name}; Paybell needs 14 or newer.`;
    return { what, whatToDo: "Upgrade it, or name another one in PAYBELL_DATABASE_URL." };
  }
  if (server.fsync !== "on") {
    const what = `PostgreSQL runs with fsync = ${server.fsync}: what is acknowledged could be lost.`;
    return { what, whatToDo: "Set fsync = on in its configuration and reload it." };
  }
  if (server.synchronous_commit === "off") {
    const what = "PostgreSQL runs with synchronous_commit = off: what is acknowledged could be lost.";
    return { what, whatToDo: "Set synchronous_commit = on for this server, database and role." };
  }
  if (server.encoding !== "UTF8") {
    const what = `The database has the encoding ${server.encoding}, which cannot hold every text.`;
    return { what, whatToDo: "Create it with ENCODING 'UTF8'." };
  }
  if (!server.standby) return null;
  const what = "PostgreSQL is a standby: it can only be read.";
  return { what, whatToDo: "Name the primary in PAYBELL_DATABASE_URL." };
}

const NEWEST_VERSION = knownMigrations().length;

/** Of a connection that is opened later: settings change, another server may answer, and newer programs change the schema.
 * @throws StorageError */
export async function requireFit(connection: Connection): Promise<void> {
  const [unfit] = await Promise.all([unfitness(connection), serve(connection, NEWEST_VERSION)]);
  if (unfit) throw new StorageError(`${unfit.what} ${unfit.whatToDo}`);
}

/** The first start stores mode and epoch; later ones must have the same mode. Returns the epoch. */
async function agree(connection: Connection, mode: Mode): Promise<string> {
  await connection.run(
    "INSERT INTO meta (one, mode, epoch, head, trimmed_to) VALUES (1, $1, $2, 0, 0) ON CONFLICT DO NOTHING",
    mode,
    newEpoch(),
  );
  const meta = await connection.get<{ mode: string; epoch: string }>("SELECT mode, epoch FROM meta");
  if (!meta) throw new Error("The row of meta is missing.");
  if (meta.mode !== mode) {
    throw new StartupError(
      `The database was made in ${meta.mode} mode and cannot be used in ${mode} mode: simulated and real payments must not meet.`,
      `Set PAYBELL_MODE=${meta.mode}, or give the ${mode} server a PAYBELL_DATABASE_URL of its own.`,
    );
  }
  return meta.epoch;
}
