/** The PostgreSQL store in a database of its own. */
import { PostgresDatabase, type PostgresOptions } from "../src/storage/postgres/database.ts";
import { PostgresEventLog } from "../src/storage/postgres/event-log.ts";
import { PostgresIdempotencyStore } from "../src/storage/postgres/idempotency-store.ts";
import { PostgresMerchantStore } from "../src/storage/postgres/merchant-store.ts";
import { PostgresPaymentStore } from "../src/storage/postgres/payment-store.ts";
import { PostgresProductStore } from "../src/storage/postgres/product-store.ts";
import { PostgresSessionStore } from "../src/storage/postgres/session-store.ts";
import type { PostgresServer } from "./postgres.ts";
import type { OpenStore, StoreHome } from "./storing/home.ts";

const fail = (error: unknown): never => {
  throw error;
};

/** Any failure that nobody waits for ends the test run. */
export function openPostgres(url: string, given: Partial<PostgresOptions> = {}): Promise<PostgresDatabase> {
  const limits = { pendingCommands: 10_000, connections: 4, statementTimeoutMs: 10_000 };
  return PostgresDatabase.open({
    url,
    mode: "sandbox",
    ...limits,
    onFatal: fail,
    onError: fail,
    ...given,
  });
}

export function postgresStoresOn(database: PostgresDatabase): OpenStore {
  return {
    log: new PostgresEventLog(database),
    payments: new PostgresPaymentStore(database),
    products: new PostgresProductStore(database),
    merchants: new PostgresMerchantStore(database),
    idempotency: new PostgresIdempotencyStore(database),
    sessions: new PostgresSessionStore(database),
    close: () => database.close(),
  };
}

export async function makePostgresHome(server: PostgresServer): Promise<StoreHome> {
  const url = await server.createDatabase();
  return {
    open: async (options) => postgresStoresOn(await openPostgres(url, options)),
    remove: () => server.dropDatabase(url),
  };
}
