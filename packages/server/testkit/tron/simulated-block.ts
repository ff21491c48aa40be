/** Blocks whose ids, links and signatures are TRON's own. Source: Tron.proto; java-tron's BlockCapsule and MerkleTree. */
import { createHash } from "node:crypto";
import type { Execution } from "./execution.ts";
import { type BlockAnswer, CONTRACT_RET, type InfoAnswer, type SignedTransaction } from "./node-answers.ts";
import { message } from "./protobuf.ts";
import type { TronWallet } from "./wallet.ts";

export interface Executed {
  transaction: SignedTransaction;
  execution: Execution;
}

export interface SimulatedBlock {
  height: number;
  answer: BlockAnswer;
  infos: readonly InfoAnswer[];
  executed: readonly Executed[];
}

const VERSION = 34;
const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
const bytesOf = (hex: string): Buffer => Buffer.from(hex, "hex");

export function makeBlock(made: {
  height: number;
  parentHash: string;
  timeMs: number;
  witness: TronWallet;
  executed: readonly Executed[];
}): SimulatedBlock {
  const { height, parentHash, timeMs, witness, executed } = made;
  const txTrieRoot = merkleRoot(executed.map(leafOf)).toString("hex");
  const hash = sha256(
    message(
      [1, timeMs],
      [2, bytesOf(txTrieRoot)],
      [3, bytesOf(parentHash)],
      [7, height],
      [9, bytesOf(witness.hex)],
      [10, VERSION],
    ),
  ).toString("hex");
  const raw_data = {
    ...(height === 0 ? {} : { number: height }),
    txTrieRoot,
    witness_address: witness.hex,
    parentHash,
    version: VERSION,
    timestamp: timeMs,
  };
  const transactions = executed.map(({ transaction, execution: { contractRet } }) => ({
    ret: [{ contractRet }],
    ...transaction,
  }));
  return {
    height,
    executed,
    answer: {
      // The first eight bytes are the height's.
      blockID: height.toString(16).padStart(16, "0") + hash.slice(16),
      block_header: { raw_data, witness_signature: witness.sign(hash) },
      ...(transactions.length === 0 ? {} : { transactions }),
    },
    infos: executed.map((one) => infoOf(one, height, timeMs)),
  };
}

function infoOf({ transaction, execution }: Executed, height: number, timeMs: number): InfoAnswer {
  const { type, parameter } = transaction.raw_data.contract[0] as SignedTransaction["raw_data"]["contract"][number];
  const { contractRet, logs } = execution;
  const calls = type === "TriggerSmartContract";
  return {
    id: transaction.txID,
    blockNumber: height,
    blockTimeStamp: timeMs,
    contractResult: [""],
    ...(calls ? { contract_address: String(parameter.value.contract_address) } : {}),
    receipt: { net_usage: 268, ...(calls ? { result: contractRet } : {}) },
    ...(logs.length === 0 ? {} : { log: logs }),
    ...(contractRet === "SUCCESS" ? {} : { result: "FAILED" }),
  };
}

function leafOf({ transaction, execution }: Executed): Buffer {
  return sha256(
    message(
      [1, bytesOf(transaction.raw_data_hex)],
      [2, transaction.signature.map(bytesOf)],
      [5, message([3, CONTRACT_RET[execution.contractRet]])],
    ),
  );
}

/** The last of an odd number goes up as it is; of nothing it is zeros. */
function merkleRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return Buffer.alloc(32);
  let level = leaves;
  while (level.length > 1) {
    const below = level;
    level = below.flatMap((left, place) => {
      if (place % 2 === 1) return [];
      const right = below[place + 1];
      return [right ? sha256(Buffer.concat([left, right])) : left];
    });
  }
  return level[0] as Buffer;
}
