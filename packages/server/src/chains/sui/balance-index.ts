/**
 * Whether a node tells of balance changes at all. It reads them from an index which follows the chain by itself, and
 * where that is behind, or off, it says that nothing changed: a payment would be missed without a word.
 *
 * Nearly every transaction of a user changes a balance, if only by its gas. So a checkpoint is believed when it changes
 * one, when only the system acted in it, or when a later one changes one, because the index goes forward only.
 * Source: MystenLabs/sui, crates/sui-rpc-api, get_checkpoint (`get_transaction_info(…).unwrap_or_default()`).
 */
import type { GrpcTypes } from "@mysten/sui/grpc";
import { normalizeSuiAddress } from "@mysten/sui/utils";
import { EndpointFailure } from "../following/block-source.ts";
import { heightOf, present } from "./checkpoint.ts";
import type { Fields } from "./sui-node.ts";

/** Enough for `tellingOf`, of a checkpoint. */
export const TELLING_FIELDS: Fields = [
  "sequence_number",
  "contents.transactions.transaction",
  "transactions.balance_changes",
  "transactions.transaction.sender",
];

const SYSTEM = normalizeSuiAddress("0x0");

/** What a checkpoint says about the node's index. */
export interface Telling {
  height: number;
  changesBalances: boolean;
  hasUsers: boolean;
}

/** @throws EndpointFailure where transactions are left out, as some archives do */
export function tellingOf({ sequenceNumber, contents, transactions }: GrpcTypes.Checkpoint): Telling {
  const height = heightOf(sequenceNumber);
  const expected = present(contents, "contents").transactions.length;
  if (transactions.length !== expected) {
    throw new EndpointFailure(
      `Checkpoint ${height} has ${expected} transactions, and ${transactions.length} were answered: a full node is needed.`,
    );
  }
  return {
    height,
    changesBalances: transactions.some(({ balanceChanges }) => balanceChanges.length > 0),
    hasUsers: transactions.some(
      ({ transaction }) => normalizeSuiAddress(present(transaction?.sender, "transaction.sender")) !== SYSTEM,
    ),
  };
}

export class BalanceIndex {
  /** The index has come at least as far as this. */
  #height = -1;

  saw({ height, changesBalances }: Telling): void {
    if (changesBalances) this.#height = Math.max(this.#height, height);
  }

  /** How many of them, from the first on, can be believed. */
  believable(checkpoints: readonly Telling[]): number {
    for (const checkpoint of checkpoints) this.saw(checkpoint);
    const first = checkpoints.findIndex(({ height, hasUsers }) => hasUsers && height > this.#height);
    return first === -1 ? checkpoints.length : first;
  }
}
