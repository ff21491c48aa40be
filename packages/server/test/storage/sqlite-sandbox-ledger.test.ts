import { rm } from "node:fs/promises";
import { SqliteSandboxLedger } from "../../src/storage/sqlite/sandbox-ledger.ts";
import { openSqlite, temporaryDir } from "../../testkit/sqlite-home.ts";
import { testSandboxLedger } from "../../testkit/storing/sandbox-ledger.ts";

testSandboxLedger(async () => {
  const dataDir = await temporaryDir();
  return {
    async open() {
      const database = await openSqlite(dataDir);
      return { ledger: new SqliteSandboxLedger(database), close: () => database.close() };
    },
    remove: () => rm(dataDir, { recursive: true }),
  };
});
