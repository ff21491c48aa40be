/** The simulated chain on PostgreSQL: beside the payments, so that a kill -9 cannot part them. */
import type {
  SandboxBlock,
  SandboxChange,
  SandboxHead,
  SandboxLedger,
  SandboxTransaction,
} from "../../chains/sandbox/ledger.ts";
import type { PostgresDatabase } from "./database.ts";

export class PostgresSandboxLedger implements SandboxLedger {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  load(): Promise<SandboxHead | null> {
    return this.#database.read("sandboxHead");
  }

  commit(change: SandboxChange): Promise<void> {
    return this.#database.write("commitSandbox", change);
  }

  block(hash: string): Promise<SandboxBlock | null> {
    return this.#database.read("sandboxBlock", hash);
  }

  blockAt(height: number): Promise<SandboxBlock | null> {
    return this.#database.read("sandboxBlockAt", height);
  }

  transactions(txIds: readonly string[]): Promise<readonly (SandboxTransaction | null)[]> {
    return this.#database.read("sandboxTransactions", txIds);
  }
}
