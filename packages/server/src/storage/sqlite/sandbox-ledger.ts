/** The simulated chain on SQLite: beside the payments, so that a kill -9 cannot part them. */
import type {
  Decide,
  SandboxBlock,
  SandboxHead,
  SandboxLedger,
  SandboxTransaction,
} from "../../chains/sandbox/ledger.ts";
import type { SqliteDatabase } from "./database.ts";

export class SqliteSandboxLedger implements SandboxLedger {
  readonly shared = null;
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  load(): Promise<SandboxHead | null> {
    return this.#database.read("sandboxHead");
  }

  async step(_nextNumber: number, decide: Decide): Promise<void> {
    const change = await decide(null, this);
    if (change) await this.#database.write("commitSandbox", change);
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
