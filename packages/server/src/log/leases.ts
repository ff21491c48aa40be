/**
 * Leases: which node does what only one of all may do, such as watching a chain.
 *
 * Each acquisition gives a token, and what its holder writes carries it (`AppendCall.fence`): the store refuses what carries
 * an old one. So nothing rests on a node noticing in time that it has lost a lease: one that was paused, or cut off, can
 * write nothing any more once another has taken its place. Every store with leases passes `testkit/leases.ts`.
 *
 * 1. A token is greater than every one that was given before for its lease.
 * 2. Until a lease expires or is released nobody else gets it. Time is the store's own clock, whatever the nodes' say.
 * 3. One that has expired is still good, and can be renewed, until somebody takes it: it is lost to another, not to time.
 *
 * Where only one process may use a store (SQLite) there are none, `Store.leases` is `null`: whatever wants one goes ahead
 * without it, and a write with a fence is refused.
 */

/** Whose write it is: it counts as long as the lease has this token. */
export interface Fence {
  readonly lease: string;
  readonly token: number;
}

export interface Leases {
  /**
   * Takes the lease where it is free: never held, released, or expired. Who holds it already gets it anew, and its old
   * fence is worth nothing. `null`: another one holds it.
   * @param holder who asks: a name that no other process has
   * @throws StoreUnavailable: if it was taken all the same, it expires
   */
  acquire(lease: string, holder: string, ttlMs: number): Promise<Fence | null>;
  /** Holds it for so long from now on. `false`: it was released, or taken by another.
   * @throws StoreUnavailable: nobody knows; ask again */
  renew(fence: Fence, ttlMs: number): Promise<boolean>;
  /** Frees it at once; nothing where it is lost already.
   * @throws StoreUnavailable: nobody knows; it expires */
  release(fence: Fence): Promise<void>;
  /** Called when another process may have released a lease. A hint: may be lost. */
  onReleased(listener: () => void): () => void;
}

/** A write carried the fence of a lease that was released or taken since; nothing of it was stored. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";

  constructor({ lease, token }: Fence) {
    super(`The lease ${lease} is no longer held with token ${token}: nothing that was decided under it is stored.`);
  }
}
