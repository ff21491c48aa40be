/**
 * What arrived, where a token's logs may say more than that (a fee taken on the way, a balance that shrinks): the
 * recipient's balance after the block, less that before it, and what left it in between.
 * Decision: docs/decisions/0011-fee-on-transfer-tokens.md.
 */
import { BlocksMissing } from "../following/block-source.ts";
import type { EvmBlock, TransferLog } from "./answers.ts";
import type { EvmNode } from "./evm-node.ts";
import { RpcError } from "./json-rpc.ts";
import type { Token } from "./tokens.ts";

/** One token's transfers to one recipient in one block. */
export interface Arrival {
  block: EvmBlock;
  token: Token;
  recipient: string;
  /** In the order of the block. */
  incoming: TransferLog[];
  /** What it sent on in the block. */
  leftAtomic: bigint;
}

/** Nodes without an archive keep the balances of about so many blocks. */
const KEPT_BLOCKS = 128;
const NO_STATE =
  /missing trie node|archive|(historical|world) state|state (is )?(not|un)available|state .*pruned|no state/i;

/**
 * What of each log to the recipient arrived, by `logIndex`: what is short is taken off from the last ones.
 * @throws BlocksMissing when the node no longer knows the balances
 */
export async function received(
  node: EvmNode,
  arrivals: readonly Arrival[],
  headHeight: number,
): Promise<ReadonlyMap<Arrival, ReadonlyMap<number, bigint>>> {
  const balances = await node.balances(
    arrivals.flatMap(({ block, token: { contract }, recipient: owner }) => [
      { contract, owner, blockHash: block.parentHash },
      { contract, owner, blockHash: block.ref.hash },
    ]),
  );
  const found = new Map<Arrival, ReadonlyMap<number, bigint>>();
  for (const [place, arrival] of arrivals.entries()) {
    const [before, after] = [balances[place * 2] ?? 0n, balances[place * 2 + 1] ?? 0n];
    if (before instanceof RpcError) throw await refused(node, before, arrival, headHeight);
    if (after instanceof RpcError) throw await refused(node, after, arrival, headHeight);
    found.set(arrival, shares(arrival, after - before));
  }
  return found;
}

function shares({ incoming, leftAtomic }: Arrival, grownAtomic: bigint): ReadonlyMap<number, bigint> {
  let arrivedAtomic = grownAtomic + leftAtomic;
  const found = new Map<number, bigint>();
  for (const { logIndex, amountAtomic } of incoming) {
    const short = arrivedAtomic < amountAtomic;
    const share = short ? positive(arrivedAtomic) : amountAtomic;
    found.set(logIndex, share);
    arrivedAtomic -= share;
  }
  return found;
}

const positive = (amountAtomic: bigint): bigint => (amountAtomic > 0n ? amountAtomic : 0n);

async function refused(
  node: EvmNode,
  refusal: RpcError,
  { block, token }: Arrival,
  headHeight: number,
): Promise<Error> {
  const trouble = await node.whyNot(refusal, block.ref);
  if (trouble.name === "BlockGone") return trouble;
  if (headHeight - block.ref.height < KEPT_BLOCKS && !NO_STATE.test(refusal.message)) return trouble;
  return new BlocksMissing(
    `${node.rpc.name} does not know the balances of ${token.symbol} at block ${block.ref.height}, so that what arrived there cannot be checked (${refusal.message}). Add an archive endpoint, or, if ${token.symbol} takes no fee and never changes balances by itself, set its balanceCheck to false.`,
    null,
  );
}
