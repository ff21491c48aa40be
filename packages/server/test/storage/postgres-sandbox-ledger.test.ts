import { PostgresSandboxLedger } from "../../src/storage/postgres/sandbox-ledger.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres } from "../../testkit/postgres-home.ts";
import { type LedgerHome, testSandboxLedger } from "../../testkit/storing/sandbox-ledger.ts";
import { testSharedSandboxLedger } from "../../testkit/storing/shared-sandbox-ledger.ts";

const server = usePostgres();

async function home(): Promise<LedgerHome> {
  const url = await server().createDatabase();
  return {
    async open() {
      const database = await openPostgres(url);
      return { ledger: new PostgresSandboxLedger(database), close: () => database.close() };
    },
    remove: () => server().dropDatabase(url),
  };
}

testSandboxLedger(home);
testSharedSandboxLedger(home, 8);
