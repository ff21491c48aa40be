/** May this node be followed? */
import { NodeProblem } from "../following/block-source.ts";
import { count, record } from "./answers.ts";
import { DECIMALS_CALL, TRANSFER_TOPIC } from "./erc20.ts";
import { type EvmNode, failure } from "./evm-node.ts";
import { RpcError } from "./json-rpc.ts";
import type { Token } from "./tokens.ts";

export interface NodeNeeds {
  chainId: number;
  /** The block tag that the finality policy asks for; `null`: none. */
  tag: "safe" | "finalized" | null;
  tokens: readonly Token[];
  mempool: boolean;
}

/** @returns what the operator should know. @throws NodeProblem, EndpointFailure */
export async function checkNode(node: EvmNode, needs: NodeNeeds): Promise<string | null> {
  const { name } = node.rpc;
  const [chainId, syncing] = await node.rpc.batch([
    { method: "eth_chainId", params: [] },
    { method: "eth_syncing", params: [] },
  ]);
  if (chainId instanceof RpcError) throw failure(name, chainId);
  const found = count(chainId, "eth_chainId");
  if (found !== needs.chainId) {
    throw new NodeProblem(
      `${name} is on chain ${found}, the configuration says chainId ${needs.chainId}: correct one.`,
    );
  }
  await checkTag(node, needs.tag);
  await checkLogs(node, needs.tokens);
  await checkTokens(node, needs.tokens);
  await checkBalances(node, needs.tokens);
  const notes = [syncingNote(name, syncing), needs.mempool ? await mempoolNote(node) : null];
  return notes.filter((note) => note !== null).join(" ") || null;
}

async function checkTag(node: EvmNode, tag: NodeNeeds["tag"]): Promise<void> {
  if (tag === null) return;
  const [block] = await node.tagged([tag]);
  if (block) return;
  throw new NodeProblem(
    `${node.rpc.name} knows no ${tag} block: wait until the network has one, or set finality to "confirmations".`,
  );
}

/** By the block's hash, so that the logs are never those of another block of the same height. */
async function checkLogs(node: EvmNode, tokens: readonly Token[]): Promise<void> {
  if (tokens.length === 0) return;
  const [head] = await node.tagged(["latest"]);
  if (!head) return;
  const filter = {
    blockHash: head.ref.hash,
    address: tokens.map(({ contract }) => contract),
    topics: [TRANSFER_TOPIC],
  };
  const [answer] = await node.rpc.batch([{ method: "eth_getLogs", params: [filter] }]);
  if (!(answer instanceof RpcError)) return;
  const trouble = await node.whyNot(answer, head.ref);
  if (trouble.name === "BlockGone") throw trouble;
  throw new NodeProblem(
    `${node.rpc.name} does not give the logs of a block by its hash (${answer.message}): payments in tokens would be overlooked. Use another endpoint.`,
  );
}

/** At a block by its hash (EIP-1898), where what arrives is to be checked. */
async function checkBalances(node: EvmNode, tokens: readonly Token[]): Promise<void> {
  const token = tokens.find(({ balanceCheck }) => balanceCheck);
  if (!token) return;
  const [head] = await node.tagged(["latest"]);
  if (!head) return;
  const { contract } = token;
  const [answer] = await node.balances([{ contract, owner: contract, blockHash: head.ref.hash }]);
  if (!(answer instanceof RpcError)) return;
  const trouble = await node.whyNot(answer, head.ref);
  if (trouble.name === "BlockGone") throw trouble;
  throw new NodeProblem(
    `${node.rpc.name} does not tell the balances of ${token.symbol} at a block (${answer.message}). Use another endpoint, or, for tokens that take no fee and never change balances by themselves, set balanceCheck to false.`,
  );
}

async function checkTokens(node: EvmNode, tokens: readonly Token[]): Promise<void> {
  const codes = await node.rpc.batch(
    tokens.map(({ contract }) => ({ method: "eth_getCode", params: [contract, "latest"] })),
  );
  const decimals = await node.rpc.batch(
    tokens.map(({ contract }) => ({ method: "eth_call", params: [{ to: contract, data: DECIMALS_CALL }, "latest"] })),
  );
  for (const [place, token] of tokens.entries()) {
    if (codes[place] instanceof RpcError) throw failure(node.rpc.name, codes[place]);
    if (codes[place] === "0x") {
      throw new NodeProblem(
        `There is no contract at ${token.contract} (${token.symbol}) on this network: correct tokens.`,
      );
    }
    const said = decimalsIn(decimals[place]);
    if (said !== null && said !== BigInt(token.decimals)) {
      throw new NodeProblem(
        `The contract of ${token.symbol} says that it has ${said} decimals, the configuration says ${token.decimals}: correct tokens.`,
      );
    }
  }
}

/** `null`: the contract does not say; ERC-20 leaves it open. */
function decimalsIn(answer: unknown): bigint | null {
  return typeof answer === "string" && /^0x[0-9a-f]{64}$/i.test(answer) ? BigInt(answer) : null;
}

function syncingNote(name: string, syncing: unknown): string | null {
  // A provider that does not tell is taken to be synchronised: its head shows it otherwise.
  if (syncing === false || syncing instanceof RpcError) return null;
  const { currentBlock, highestBlock } = record(syncing, "eth_syncing");
  const progress =
    typeof currentBlock === "string" && typeof highestBlock === "string"
      ? ` (block ${count(currentBlock, "eth_syncing")} of ${count(highestBlock, "eth_syncing")})`
      : "";
  return `${name} is still synchronising${progress}: payments are seen late.`;
}

async function mempoolNote(node: EvmNode): Promise<string | null> {
  const [pending] = await node.rpc.batch([{ method: "eth_getBlockByNumber", params: ["pending", false] }]);
  if (!(pending instanceof RpcError) && pending !== null) return null;
  return `${node.rpc.name} builds no pending block: payments are seen when they are in a block; set mempool to false.`;
}
