/** May this node be followed? */
import { EndpointFailure, NodeProblem } from "../following/block-source.ts";
import { RPC, RpcError } from "./rpc.ts";
import type { SolanaNode } from "./solana-node.ts";
import type { SolanaToken } from "./tokens.ts";

export interface NodeNeeds {
  /** Hash of the network's first block; `null`: not checked. */
  genesisHash: string | null;
  tokens: Iterable<SolanaToken>;
}

/** @returns what the operator should know. @throws NodeProblem, EndpointFailure */
export async function checkNode(node: SolanaNode, { genesisHash, tokens }: NodeNeeds): Promise<string | null> {
  const { rpc } = node;
  if (genesisHash !== null) {
    const found = await asked(node, "getGenesisHash", []);
    if (found !== genesisHash) {
      throw new NodeProblem(
        `${rpc.name} is on the network that begins with ${String(found).slice(0, 50)}, the configuration's begins with ${genesisHash}: correct network or the endpoint.`,
      );
    }
  }
  for (const token of tokens) await checkMint(node, token);
  // Without its first block it keeps no transactions at all: this says so.
  await node.firstAvailableSlot();
  return health(node);
}

async function checkMint(node: SolanaNode, { mint, symbol, decimals }: SolanaToken): Promise<void> {
  const supply = await asked(node, "getTokenSupply", [mint]);
  if (supply instanceof RpcError) {
    throw new NodeProblem(
      `${mint} (${symbol}) is no token's mint on this network (${supply.message}): correct tokens.`,
    );
  }
  const said = (supply as { value?: { decimals?: unknown } } | null)?.value?.decimals;
  if (said === decimals) return;
  throw new NodeProblem(
    `The mint of ${symbol} says that it has ${said} decimals, the configuration says ${decimals}: correct tokens.`,
  );
}

/** A refusal of what was asked about is an answer here. */
async function asked(node: SolanaNode, method: string, params: readonly unknown[]): Promise<unknown> {
  try {
    return await node.rpc.call(method, params);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    if (error.code === RPC.INVALID_PARAMS) return error;
    throw new EndpointFailure(`${node.rpc.name}: ${error.message}.`);
  }
}

async function health({ rpc }: SolanaNode): Promise<string | null> {
  try {
    await rpc.call("getHealth");
    return null;
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    // A provider that does not tell is taken to be well: its head shows it otherwise.
    if (error.code !== RPC.NODE_UNHEALTHY) return null;
    const behind = (error.data as { numSlotsBehind?: unknown } | null | undefined)?.numSlotsBehind;
    const by = typeof behind === "number" ? ` by ${behind} slots` : "";
    return `${rpc.name} is behind the network${by}: payments are seen late.`;
  }
}
