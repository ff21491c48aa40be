/** What a chain's endpoints answer when they are asked once, without being watched: for `paybell doctor`. */
import type { ChainFacts } from "./watcher.ts";

export interface EndpointReading {
  /** No path, no credentials. */
  name: string;
  /** What is wrong and what to do; `null`: it can be followed. */
  problem: string | null;
  /** What the operator should know, but does not prevent following. */
  advisory: string | null;
  /** `false`: following works without it, only later. */
  isEssential: boolean;
  /** `timeMs`: the block's own time; `null` where the endpoint does not tell. `null` of what has no head, such as ZMQ. */
  head: { height: number; timeMs: number | null } | null;
  /** How long the question for the head took. */
  latencyMs: number | null;
}

export interface ChainProbe {
  readonly facts: ChainFacts;
  /**
   * Never rejects because of an endpoint: that is a reading. Of a watcher that is not started, and once.
   * @param timeoutMs for each endpoint
   */
  probe(timeoutMs: number): Promise<readonly EndpointReading[]>;
}
