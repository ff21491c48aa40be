/** The store of a configuration: PostgreSQL where it names one, else SQLite in its directory. Named by `main.ts` and `cli/`. */
import type { SandboxLedger } from "./chains/sandbox/ledger.ts";
import type { Config } from "./config/config.ts";
import type { Nodes } from "./kit/node-counts.ts";
import type { EventLog } from "./log/event-log.ts";
import type { Leases } from "./log/leases.ts";
import type { IdempotencyStore, KeyLog, MerchantStore, PaymentStore, ProductStore, SessionStore } from "./log/store.ts";
import { busSecret } from "./storage/postgres/bus-secret.ts";
import { PostgresDatabase } from "./storage/postgres/database.ts";
import { PostgresEventLog } from "./storage/postgres/event-log.ts";
import { PostgresIdempotencyStore } from "./storage/postgres/idempotency-store.ts";
import { PostgresKeyLog } from "./storage/postgres/key-log.ts";
import { PostgresLeases } from "./storage/postgres/leases.ts";
import { PostgresMerchantStore } from "./storage/postgres/merchant-store.ts";
import { PostgresNodes } from "./storage/postgres/nodes.ts";
import { PostgresPaymentStore } from "./storage/postgres/payment-store.ts";
import { PostgresProductStore } from "./storage/postgres/product-store.ts";
import { PostgresSandboxLedger } from "./storage/postgres/sandbox-ledger.ts";
import { PostgresSessionStore } from "./storage/postgres/session-store.ts";
import { SqliteDatabase } from "./storage/sqlite/database.ts";
import { SqliteEventLog } from "./storage/sqlite/event-log.ts";
import { SqliteIdempotencyStore } from "./storage/sqlite/idempotency-store.ts";
import { SqliteMerchantStore } from "./storage/sqlite/merchant-store.ts";
import { SqlitePaymentStore } from "./storage/sqlite/payment-store.ts";
import { SqliteProductStore } from "./storage/sqlite/product-store.ts";
import { SqliteSandboxLedger } from "./storage/sqlite/sandbox-ledger.ts";
import { SqliteSessionStore } from "./storage/sqlite/session-store.ts";

export interface Store {
  log: EventLog;
  payments: PaymentStore;
  /** `null`: no other process can use the store, and all keys are this one's. */
  keyLog: KeyLog | null;
  products: ProductStore;
  merchants: MerchantStore;
  idempotency: IdempotencyStore;
  sessions: SessionStore;
  ledger: SandboxLedger;
  /** `null`: no other process can use the store, and whatever would want a lease goes ahead. */
  leases: Leases | null;
  /** `null`: no other process can use the store. */
  nodes: Nodes | null;
  /** What only those know who share the store, made when it is first asked for; `null`: no other process can use it.
   * Returns 32 random bytes. */
  busSecret: (() => Promise<Buffer>) | null;
  /** Names of the migrations that this opening has applied. */
  migrated: readonly string[];
  /** Commands that wait for the database. */
  pendingCommands(): number;
  /** Another process may have appended to the log; never called where there can be none. */
  onHint(listener: () => void): void;
  close(): Promise<void>;
}

/** One commit that was written. */
export interface CommitTaken {
  commands: number;
  seconds: number;
}

export interface StoreOptions {
  /** `true` for a server: on SQLite a second one on the same data is refused, on PostgreSQL they share it. `false` for a
   * command beside it. */
  exclusive: boolean;
  /** Nothing can be stored any more: the process should end. */
  onFatal: (error: Error) => void;
  /** Called once per commit that was written. */
  onCommit?: (commit: CommitTaken) => void;
  /** Something failed that is tried again, or that only others miss. */
  onError: (error: unknown) => void;
}

type StoreConfig = Pick<Config, "mode" | "dataDir" | "databaseUrl" | "limits">;

/** @throws StartupError */
export function openStore(config: StoreConfig, options: StoreOptions): Promise<Store> {
  return config.databaseUrl === null ? openSqlite(config, options) : openPostgres(config, config.databaseUrl, options);
}

async function openSqlite({ mode, dataDir, limits }: StoreConfig, options: StoreOptions): Promise<Store> {
  const { onError, ...rest } = options;
  const { pendingCommands } = limits;
  const database = await SqliteDatabase.open({ dataDir, mode, pendingCommands, onListenerError: onError, ...rest });
  return {
    log: new SqliteEventLog(database),
    payments: new SqlitePaymentStore(database),
    keyLog: null,
    products: new SqliteProductStore(database),
    merchants: new SqliteMerchantStore(database),
    idempotency: new SqliteIdempotencyStore(database),
    sessions: new SqliteSessionStore(database),
    ledger: new SqliteSandboxLedger(database),
    leases: null,
    nodes: null,
    busSecret: null,
    migrated: database.migrated,
    pendingCommands: () => database.pendingCommands,
    onHint: () => undefined,
    close: () => database.close(),
  };
}

async function openPostgres({ mode, limits }: StoreConfig, url: string, options: StoreOptions): Promise<Store> {
  const database = await PostgresDatabase.open({
    url,
    mode,
    pendingCommands: limits.pendingCommands,
    connections: limits.databaseConnections,
    statementTimeoutMs: limits.databaseStatementMs,
    ...options,
  });
  return {
    log: new PostgresEventLog(database),
    payments: new PostgresPaymentStore(database),
    keyLog: new PostgresKeyLog(database),
    products: new PostgresProductStore(database),
    merchants: new PostgresMerchantStore(database),
    idempotency: new PostgresIdempotencyStore(database),
    sessions: new PostgresSessionStore(database),
    ledger: new PostgresSandboxLedger(database),
    leases: new PostgresLeases(database),
    nodes: new PostgresNodes(database),
    busSecret: () => busSecret(database),
    migrated: database.migrated,
    pendingCommands: () => database.pendingCommands,
    onHint: (listener) => {
      database.onHint("appended", listener);
    },
    close: () => database.close(),
  };
}
