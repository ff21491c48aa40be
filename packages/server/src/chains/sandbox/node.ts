/**
 * What the watcher may ask of the simulated chain: the questions that a real node answers. It stands between the two so
 * that a connection which fails, or goes silent, can be put in its place.
 */
import type { SandboxBlock, SandboxTransaction } from "./ledger.ts";

/** All of one moment. */
export interface SandboxView {
  /** How far the chain has come, where others wait for word of it; `null`: nobody but this process does. */
  nextNumber: number | null;
  tip: SandboxBlock;
  /** By ascending number. */
  mempool: readonly SandboxTransaction[];
}

/** Whoever watches the chain here. */
export interface Attendant {
  /** Resolves when everything that the chain did before the call has been applied.
   * @throws Error when it does not watch, or ends meanwhile */
  settled(): Promise<void>;
}

export interface Attendance {
  /** What came of the chain was reported, and is durable. */
  reported(): void;
  leave(): void;
}

export interface SandboxNode {
  /** What is wrong with the node itself (no block can be mined); `null` when all is well. */
  readonly problem: string | null;
  view(): Promise<SandboxView>;
  /** Whether on the best chain or not; `null` for an unknown hash. */
  block(hash: string): Promise<SandboxBlock | null>;
  /** The block of the best chain at this height; `null` above the tip. */
  blockAt(height: number): Promise<SandboxBlock | null>;
  /** In the order of `txIds`; `null` for an unknown one. */
  transactions(txIds: readonly string[]): Promise<readonly (SandboxTransaction | null)[]>;
  /** Calls back after every change. A hint: whoever missed one asks `view`. Returns the way to stop it. */
  listen(onNews: () => void): () => void;
  /** Somebody watches from here on, until he leaves: meanwhile blocks come by the clock, where they do. */
  attend(attendant: Attendant): Attendance;
}
