/** The simulated chain on PostgreSQL: beside the payments, so that a kill -9 cannot part them; one for all processes. */
import type {
  Decide,
  SandboxBlock,
  SandboxHead,
  SandboxLedger,
  SandboxTransaction,
  SharedLedger,
} from "../../chains/sandbox/ledger.ts";
import type { PostgresDatabase } from "./database.ts";

export class PostgresSandboxLedger implements SandboxLedger {
  readonly #database: PostgresDatabase;

  readonly shared: SharedLedger;

  constructor(database: PostgresDatabase) {
    this.#database = database;
    this.shared = {
      newer: (nextNumber) => database.read("newerSandboxHead", nextNumber),
      tell: () => database.hint("sandbox"),
      onTold: (listener) => database.onHint("sandbox", listener),
    };
  }

  load(): Promise<SandboxHead | null> {
    return this.#database.read("newerSandboxHead", 0);
  }

  async step(nextNumber: number, decide: Decide): Promise<void> {
    const isChanged = await this.#database.write("stepSandbox", nextNumber, decide);
    if (isChanged) this.shared.tell();
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
