/** What java-tron's HTTP API answers with (`visible: false`), as far as the simulated node has it. */

export interface SignedTransaction {
  txID: string;
  raw_data: {
    contract: readonly { type: string; parameter: { value: Readonly<Record<string, unknown>>; type_url: string } }[];
    ref_block_bytes: string;
    ref_block_hash: string;
    expiration: number;
    fee_limit?: number;
    timestamp: number;
    /** Hex. */
    data?: string;
  };
  raw_data_hex: string;
  signature: readonly string[];
}

export type ContractRet = "SUCCESS" | "REVERT" | "OUT_OF_ENERGY" | "TRANSFER_FAILED";

/** The numbers that the protocol has for them (`Transaction.Result.contractResult`). */
export const CONTRACT_RET: Readonly<Record<ContractRet, number>> = {
  SUCCESS: 1,
  REVERT: 2,
  OUT_OF_ENERGY: 10,
  TRANSFER_FAILED: 14,
};

export interface TransactionInBlock extends SignedTransaction {
  ret: readonly { contractRet: ContractRet }[];
}

export interface LogAnswer {
  /** Without its prefix. */
  address: string;
  topics: readonly string[];
  data: string;
}

export interface BlockAnswer {
  blockID: string;
  block_header: {
    raw_data: {
      /** Left out for the first block, as zeros are. */
      number?: number;
      txTrieRoot: string;
      witness_address: string;
      parentHash: string;
      version: number;
      timestamp: number;
    };
    witness_signature: string;
  };
  /** Left out in an empty block. */
  transactions?: readonly TransactionInBlock[];
}

export interface InfoAnswer {
  id: string;
  blockNumber: number;
  blockTimeStamp: number;
  contractResult: readonly string[];
  contract_address?: string;
  receipt: { net_usage: number; result?: ContractRet };
  log?: readonly LogAnswer[];
  /** Only of what failed. */
  result?: "FAILED";
}
