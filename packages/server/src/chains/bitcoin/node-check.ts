/** Is this the right node, and is it fit to be followed? Asked at every poll. */
import type { ChainInfo } from "./bitcoind.ts";
import { pruned } from "./chain-follower.ts";
import { NodeProblem, type WatchRun } from "./run.ts";

type NodeCheckParts = Pick<WatchRun, "clock" | "node" | "facts" | "cursor">;

export class NodeCheck {
  /** When the watcher was started, milliseconds. */
  readonly startedAtMs: number;
  readonly #run: NodeCheckParts;
  #headHeight: number | null = null;
  #advisory: string | null = null;
  #genesisChecked = false;
  #attempts = 0;
  #attemptsBeforeContact: number | null = null;
  #isCurrent = false;

  constructor(run: NodeCheckParts) {
    this.#run = run;
    this.startedAtMs = run.clock.nowMs();
  }

  /** The node's height, as far as it is known. */
  get headHeight(): number | null {
    return this.#headHeight;
  }

  /** What does not prevent following, but the operator should know. */
  get advisory(): string | null {
    return this.#advisory;
  }

  /** Does the node know what happens now? Only then can it be said that everything until now has been seen. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** Payments may have been made before the node was reached for the first time. */
  get firstContactWasLate(): boolean {
    return (this.#attemptsBeforeContact ?? 0) > 0;
  }

  /** The chain was followed up to here: the node has at least that. */
  reached(height: number): void {
    this.#headHeight = Math.max(this.#headHeight ?? 0, height);
  }

  /** @throws NodeProblem when nothing may be reported from this node; NodeUnreachable, RpcError */
  async now(): Promise<void> {
    this.#attempts += 1;
    const { node, facts, cursor } = this.#run;
    const info = await node.chainInfo();
    const { network } = facts;
    if (info.chain !== network.rpcChain) {
      throw new NodeProblem(
        `The node is on "${info.chain}", but ${facts.chain} is configured for ${network.name} ("${network.rpcChain}"). Nothing is reported: connect a node of the right network.`,
      );
    }
    await this.#checkGenesis();
    this.#headHeight = info.blocks;
    if (cursor && info.pruneHeight !== null && info.blocks > cursor.height && info.pruneHeight > cursor.height + 1) {
      throw pruned(cursor.height + 1);
    }
    this.#attemptsBeforeContact ??= this.#attempts - 1;
    this.#advisory = this.#downloading(info) ?? (await this.#cutOff());
    // One block may be known by its header while it is being fetched.
    this.#isCurrent = this.#advisory === null && info.headers <= info.blocks + 1;
  }

  async #checkGenesis(): Promise<void> {
    if (this.#genesisChecked) return;
    const { node, facts } = this.#run;
    const [genesis] = await node.blockHashes([0]);
    if (genesis !== facts.network.genesisHash) {
      throw new NodeProblem(
        `The node's first block is ${genesis}, not ${facts.network.name}'s ${facts.network.genesisHash}: this is another chain. Nothing is reported: connect a node of the right network.`,
      );
    }
    this.#genesisChecked = true;
  }

  #downloading({ initialBlockDownload, blocks, headers }: ChainInfo): string | null {
    if (!initialBlockDownload) return null;
    return `The node is still downloading the chain (${blocks} of ${headers} blocks): payments in newer blocks are seen when it has them.`;
  }

  async #cutOff(): Promise<string | null> {
    const { node, facts } = this.#run;
    if (!facts.network.needsPeers || (await node.peers()) > 0) return null;
    return "The node has no peers: it hears neither of blocks nor of transactions. Check its network.";
  }
}
