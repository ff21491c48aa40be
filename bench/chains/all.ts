/** By the kind that the configuration knows. */
import { evm } from "./evm.ts";
import type { FollowedChain } from "./followed-chain.ts";
import { solana } from "./solana.ts";
import { sui } from "./sui.ts";
import { tron } from "./tron.ts";

export const FOLLOWED: Readonly<Record<string, FollowedChain>> = { evm, tron, solana, sui };
