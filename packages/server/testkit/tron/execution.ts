/**
 * What executing a transaction does. Synthetic: no virtual machine runs; a token's `transfer` succeeds and leaves the log
 * that a TRC-20 contract leaves, everything else succeeds without one, and a test may say otherwise.
 */
import { utils } from "tronweb";
import type { ContractRet, LogAnswer, SignedTransaction } from "./node-answers.ts";

export interface Execution {
  contractRet: ContractRet;
  logs: readonly LogAnswer[];
}

const TRANSFER_EVENT = utils.ethersUtils.id("Transfer(address,address,uint256)").replace(/^0x/, "");
const TRANSFER_CALL = utils.ethersUtils.id("transfer(address,uint256)").slice(2, 10);

export function executionOf({ raw_data }: SignedTransaction): Execution {
  const { type, parameter } = raw_data.contract[0] as SignedTransaction["raw_data"]["contract"][number];
  const { contract_address, owner_address, data } = parameter.value as Record<string, string>;
  if (type !== "TriggerSmartContract" || !data?.startsWith(TRANSFER_CALL)) return { contractRet: "SUCCESS", logs: [] };
  const { to, value } = utils.abi.decodeParams(["to", "value"], ["address", "uint256"], data, true);
  const log = transferLog({ contract: contract_address ?? "", from: owner_address ?? "", to, amount: BigInt(value) });
  return { contractRet: "SUCCESS", logs: [log] };
}

/** The log of a TRC-20 transfer. Addresses in hex. */
export function transferLog(moved: { contract: string; from: string; to: string; amount: bigint }): LogAnswer {
  return {
    address: moved.contract.slice(2),
    topics: [TRANSFER_EVENT, word(moved.from.slice(2)), word(moved.to.slice(2))],
    data: word(moved.amount.toString(16)),
  };
}

const word = (hex: string): string => hex.toLowerCase().padStart(64, "0");
