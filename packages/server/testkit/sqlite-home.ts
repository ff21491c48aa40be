/** The SQLite store in a temporary directory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteDatabase, type SqliteOptions } from "../src/storage/sqlite/database.ts";
import { SqliteEventLog } from "../src/storage/sqlite/event-log.ts";
import { SqliteIdempotencyStore } from "../src/storage/sqlite/idempotency-store.ts";
import { SqliteMerchantStore } from "../src/storage/sqlite/merchant-store.ts";
import { SqlitePaymentStore } from "../src/storage/sqlite/payment-store.ts";
import { SqliteProductStore } from "../src/storage/sqlite/product-store.ts";
import { SqliteSessionStore } from "../src/storage/sqlite/session-store.ts";
import type { OpenStore, StoreHome } from "./storing/home.ts";

const fail = (error: unknown): never => {
  throw error;
};

/** Any failure that nobody waits for ends the test run. */
export function openSqlite(dataDir: string, given: Partial<SqliteOptions> = {}): Promise<SqliteDatabase> {
  const options = { mode: "sandbox", exclusive: false, pendingCommands: 10_000 } as const;
  return SqliteDatabase.open({ dataDir, ...options, onFatal: fail, onListenerError: fail, ...given });
}

export function storesOn(database: SqliteDatabase): OpenStore {
  return {
    log: new SqliteEventLog(database),
    payments: new SqlitePaymentStore(database),
    products: new SqliteProductStore(database),
    merchants: new SqliteMerchantStore(database),
    idempotency: new SqliteIdempotencyStore(database),
    sessions: new SqliteSessionStore(database),
    close: () => database.close(),
  };
}

export function temporaryDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), "paybell-sqlite-"));
}

export async function makeSqliteHome(): Promise<StoreHome> {
  const dataDir = await temporaryDir();
  return {
    open: async (options) => storesOn(await openSqlite(dataDir, options)),
    remove: () => rm(dataDir, { recursive: true }),
  };
}
