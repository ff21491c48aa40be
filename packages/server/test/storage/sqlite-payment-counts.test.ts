import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PAYMENT_STATUSES } from "@paybell/protocol";
import { expect, test } from "vitest";
import { Connection } from "../../src/storage/sqlite/connection.ts";
import { applyMigrations, knownMigrations } from "../../src/storage/sqlite/migrate.ts";
import { openSqlite, storesOn, temporaryDir } from "../../testkit/sqlite-home.ts";
import { creation, recordsIn, samplePayment } from "../../testkit/storing/samples.ts";

test("a database from before the counts were kept has them after its migration", async () => {
  const dataDir = await temporaryDir();
  const file = join(dataDir, "paybell.db");
  const store = storesOn(await openSqlite(dataDir));
  const commands = PAYMENT_STATUSES.map((status) => creation(samplePayment({ status })));
  recordsIn(await store.log.append(commands));
  await store.close();
  const older = new DatabaseSync(file);
  older.exec("DROP TRIGGER count_new_payment; DROP TRIGGER count_changed_payment; DROP TABLE payment_counts");
  older.exec("UPDATE payments SET erased_at_ms = 1 WHERE status = 'failed'; PRAGMA user_version = 2");
  older.close();
  const connection = Connection.openWriter(file);
  // Only the one that is meant: what younger ones made is still there.
  applyMigrations(connection, knownMigrations().slice(2, 3));
  connection.close();
  const migrated = new DatabaseSync(file);
  migrated.exec(`PRAGMA user_version = ${knownMigrations().length}`);
  migrated.close();
  const again = storesOn(await openSqlite(dataDir));
  const expected = PAYMENT_STATUSES.map((status) => [status, status === "failed" ? 0 : 1]);
  expect(await again.payments.countByStatus()).toEqual(Object.fromEntries(expected));
  await again.close();
  await rm(dataDir, { recursive: true });
});
