/**
 * A block → the transfers in it for which somebody waits: TRX by its transfer contract, TRC-20 by the Transfer logs of
 * the tokens in the configuration, whoever's call caused them. TRC-10 coins and other contracts' logs are none.
 * What is credited is read from the signed bytes, and those are checked against the transaction's id.
 */

import { EndpointFailure, type Interest, type SightedTransfer } from "../following/block-source.ts";
import type { ChainAsset } from "../watcher.ts";
import { base58Of, hexOfLogAddress, hexOfWord } from "./address.ts";
import type { InfoAnswer, TransactionAnswer } from "./answers.ts";
import { memosIn } from "./match-rules.ts";
import { MalformedTransaction, type RawTransaction, readRawTransaction, txIdOf } from "./raw-transaction.ts";

/** keccak256("Transfer(address,address,uint256)"), the event of TRC-20. */
const TRANSFER_TOPIC = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/** The first four bytes of keccak256("transfer(address,uint256)"). */
const TRANSFER_CALL = "a9059cbb";
/** Hexadecimal digits of a word of the virtual machine. */
const WORD = 64;

const SUCCESS = "SUCCESS";
/** As a node writes it that was asked for `visible: false`. */
const HEX_ADDRESS = /^41[0-9a-f]{40}$/;
/** The contracts whose execution can leave logs: a constructor can move tokens, too. */
const EXECUTING = new Set(["TriggerSmartContract", "CreateSmartContract"]);

export interface ReadingParts {
  /** By contract, lower-case hex. */
  tokens: ReadonlyMap<string, ChainAsset>;
  interest: Interest;
  /** For messages. */
  node: string;
}

/** Can this transaction have left logs? Then its info is needed. */
export function executes({ raw_data }: TransactionAnswer): boolean {
  return EXECUTING.has(raw_data.contract[0]?.type ?? "");
}

/**
 * @param info what became of its execution; `null`: not needed, see `executes`
 * @throws EndpointFailure when what the node says does not fit what was signed
 */
export function transfersIn(
  transaction: TransactionAnswer,
  info: InfoAnswer | null,
  parts: ReadingParts,
): SightedTransfer[] {
  const [contract] = transaction.raw_data.contract;
  if (contract?.type === "TransferContract") return coinTransfer(transaction, parts);
  if (!executes(transaction)) return [];
  const logged = (info?.log ?? []).flatMap((log, place) => tokenTransfer(transaction, info, log, place, parts));
  return logged.length > 0 ? logged : failedCall(transaction, info, parts);
}

function coinTransfer(transaction: TransactionAnswer, parts: ReadingParts): SightedTransfer[] {
  const { to_address: claimed, amount = 0 } = transaction.raw_data.contract[0]?.parameter.value ?? {};
  if (typeof claimed !== "string" || !HEX_ADDRESS.test(claimed)) throw notHex(transaction, parts.node);
  if (!parts.interest.knows(claimed)) return [];
  const { contract, data } = signed(transaction, parts.node);
  if (contract?.kind !== "transfer" || contract.to !== claimed) throw contradiction(transaction, parts.node);
  // The node's number has lost digits beyond 2^53, but what it says and what was signed is one amount.
  if (Number(contract.amountSun) !== Number(amount)) throw contradiction(transaction, parts.node);
  return sighted(parts, {
    transaction,
    data,
    index: 0,
    asset: "TRX",
    amountAtomic: contract.amountSun,
    from: contract.owner,
    to: contract.to,
    failed: !succeeded(transaction),
  });
}

function tokenTransfer(
  transaction: TransactionAnswer,
  info: InfoAnswer | null,
  { address, topics = [], data = "" }: NonNullable<InfoAnswer["log"]>[number],
  index: number,
  parts: ReadingParts,
): SightedTransfer[] {
  const token = parts.tokens.get(hexOfLogAddress(address));
  const [event, from = "", to = ""] = topics;
  if (!token || event !== TRANSFER_TOPIC || topics.length !== 3 || data.length !== WORD) return [];
  const recipient = hexOfWord(to);
  if (!parts.interest.knows(recipient)) return [];
  return sighted(parts, {
    transaction,
    data: signed(transaction, parts.node).data,
    index,
    asset: token.symbol,
    amountAtomic: BigInt(`0x${data}`),
    from: hexOfWord(from),
    to: recipient,
    failed: !succeeded(transaction) || info?.receipt?.result !== SUCCESS,
  });
}

/** A call of a token's `transfer` that did not execute leaves no log: without this nobody would learn that a payment
 * which was in a dropped block is in a block again, and void. */
function failedCall(transaction: TransactionAnswer, info: InfoAnswer | null, parts: ReadingParts): SightedTransfer[] {
  if (succeeded(transaction) && info?.receipt?.result === SUCCESS) return [];
  const { contract_address: called, data: input } = transaction.raw_data.contract[0]?.parameter.value ?? {};
  if (typeof called !== "string" || typeof input !== "string") return [];
  const token = parts.tokens.get(called);
  if (!token || !input.startsWith(TRANSFER_CALL) || input.length < TRANSFER_CALL.length + 2 * WORD) return [];
  const recipient = hexOfWord(input.slice(TRANSFER_CALL.length, TRANSFER_CALL.length + WORD));
  if (!parts.interest.knows(recipient)) return [];
  const { contract, data } = signed(transaction, parts.node);
  if (contract?.kind !== "call" || contract.contract !== called) throw contradiction(transaction, parts.node);
  return sighted(parts, {
    transaction,
    data,
    index: 0,
    asset: token.symbol,
    amountAtomic: BigInt(`0x${input.slice(TRANSFER_CALL.length + WORD, TRANSFER_CALL.length + 2 * WORD)}`),
    from: contract.owner,
    to: recipient,
    failed: true,
  });
}

interface Moved {
  transaction: TransactionAnswer;
  data: Uint8Array;
  /** Of a TRX transfer 0, of a token's the place of its log in the transaction. */
  index: number;
  asset: string;
  amountAtomic: bigint;
  from: string;
  to: string;
  failed: boolean;
}

function sighted({ interest }: ReadingParts, moved: Moved): SightedTransfer[] {
  const { transaction, index, asset, amountAtomic, failed } = moved;
  const txId = transaction.txID;
  // Nothing for nothing: whoever wants to litter a history sends such. From oneself to oneself nothing arrives.
  if (amountAtomic === 0n || moved.from === moved.to) return [];
  const recipient = interest.keyFor(moved.to, { txId, payers: [base58Of(moved.from)], memos: memosIn(moved.data) });
  if (recipient === null) return [];
  return [{ txId, index: String(index), asset, amountAtomic, recipient, failed, spends: [] }];
}

function succeeded({ ret }: TransactionAnswer): boolean {
  return ret?.[0]?.contractRet === SUCCESS;
}

/** @throws EndpointFailure when the id is not the hash of what was signed */
function signed(transaction: TransactionAnswer, node: string): RawTransaction {
  const { txID, raw_data_hex } = transaction;
  if (txIdOf(raw_data_hex) !== txID) throw contradiction(transaction, node);
  try {
    return readRawTransaction(raw_data_hex);
  } catch (error) {
    if (error instanceof MalformedTransaction) throw contradiction(transaction, node);
    throw error;
  }
}

function contradiction({ txID }: TransactionAnswer, node: string): EndpointFailure {
  return new EndpointFailure(
    `${node} answered with transaction ${txID}, but its id, its signed bytes and what the node says of it do not fit together. Nothing is credited from it.`,
  );
}

/** A recipient that cannot be compared would be taken for a stranger, and payments overlooked. */
function notHex({ txID }: TransactionAnswer, node: string): EndpointFailure {
  return new EndpointFailure(
    `${node} answered with transaction ${txID}, whose addresses are not in hex although that was asked for (visible: false): does something between change the answers?`,
  );
}
