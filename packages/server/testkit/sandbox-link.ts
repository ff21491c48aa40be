/** A connection to the simulated chain that can fail as a real one does: break, go silent, say everything twice. */
import type { SandboxChain } from "../src/chains/sandbox/chain.ts";
import type { SandboxBlock, SandboxTransaction } from "../src/chains/sandbox/ledger.ts";
import type { Attendance, Attendant, SandboxNode, SandboxView } from "../src/chains/sandbox/node.ts";

export class SandboxLink implements SandboxNode {
  readonly problem = null;
  readonly #listeners = new Set<() => void>();
  #node: SandboxChain;
  #stopListening: () => void;
  #state: "up" | "broken" | "silent" = "up";
  #lastView: SandboxView | null = null;

  constructor(node: SandboxChain) {
    this.#node = node;
    this.#stopListening = node.listen(() => this.#tell());
  }

  /** The node was started again: from now on this is it. */
  attach(node: SandboxChain): void {
    this.#stopListening();
    this.#node = node;
    this.#stopListening = node.listen(() => this.#tell());
    this.#state = "up";
  }

  /** Every question fails and no news come. */
  break(): void {
    this.#state = "broken";
  }

  restore(): void {
    this.#state = "up";
  }

  /** Questions are answered as if nothing had happened since, and no news come. */
  fallSilent(): void {
    this.#state = "silent";
  }

  repeatNews(): void {
    for (const onNews of this.#listeners) onNews();
  }

  async view(): Promise<SandboxView> {
    this.#check();
    if (this.#state === "silent" && this.#lastView) return this.#lastView;
    this.#lastView = await this.#node.view();
    return this.#lastView;
  }

  async block(hash: string): Promise<SandboxBlock | null> {
    this.#check();
    return this.#node.block(hash);
  }

  async blockAt(height: number): Promise<SandboxBlock | null> {
    this.#check();
    if (this.#state === "silent" && this.#lastView && height > this.#lastView.tip.height) return null;
    return this.#node.blockAt(height);
  }

  async transactions(txIds: readonly string[]): Promise<readonly (SandboxTransaction | null)[]> {
    this.#check();
    return this.#node.transactions(txIds);
  }

  listen(onNews: () => void): () => void {
    this.#listeners.add(onNews);
    return () => this.#listeners.delete(onNews);
  }

  /** The node itself does not notice how its connections are. */
  attend(attendant: Attendant): Attendance {
    return this.#node.attend(attendant);
  }

  #tell(): void {
    if (this.#state === "up") this.repeatNews();
  }

  #check(): void {
    if (this.#state === "broken") throw new Error("connection refused");
  }
}
