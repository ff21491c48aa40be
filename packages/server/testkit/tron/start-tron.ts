/**
 * A simulated TRON full node on loopback. Its blocks, ids, addresses and signatures are TRON's own (checked with tronweb
 * in `tron-simulator.test.ts`); consensus, balances, fees and the virtual machine are not there.
 */
import { utils } from "tronweb";
import type { Execution } from "./execution.ts";
import { HttpInterface, type Question, type Questions } from "./http-interface.ts";
import type { SignedTransaction } from "./node-answers.ts";
import { SimulatedChain } from "./simulated-chain.ts";
import { hexOf, type SendOptions, TronWallet } from "./wallet.ts";

export interface TronNodeOptions {
  nowMs?: () => number;
  /** See `SimulatedChain`; default 18. */
  solidificationLag?: number;
}

/** Blocks in one answer of `getblockbylimitnext`, as java-tron has it. */
const MAX_RANGE = 100;

export class SimulatedTronNode {
  readonly chain: SimulatedChain;
  readonly http: HttpInterface;
  /** Has as much as anybody wants to send. */
  readonly wallet = new TronWallet();
  readonly #nowMs: () => number;
  readonly #others: HttpInterface[] = [];
  #sent = 0;

  static async start(options: TronNodeOptions = {}): Promise<SimulatedTronNode> {
    const node = new SimulatedTronNode(options);
    await node.http.listen();
    return node;
  }

  private constructor({ nowMs = () => Date.now(), solidificationLag = 18 }: TronNodeOptions) {
    this.#nowMs = nowMs;
    this.chain = new SimulatedChain({ nowMs, solidificationLag });
    this.http = new HttpInterface(questionsOf(this.chain));
  }

  get url(): string {
    return this.http.url;
  }

  /** Id of the first block. */
  get genesis(): string {
    return this.chain.block(0)?.answer.blockID ?? "";
  }

  /** What a wallet needs to make the next transaction: no two are alike, since the sender's clock goes on. */
  sendOptions(memo?: SendOptions["memo"]): SendOptions {
    this.#sent += 1;
    const { blockID } = this.chain.head.answer;
    return { nowMs: this.#nowMs() + this.#sent, refBlockId: blockID, ...(memo === undefined ? {} : { memo }) };
  }

  /** It waits for the next block. Returns its id. */
  send(transaction: SignedTransaction, execution?: Execution): string {
    this.chain.accept(transaction, execution);
    return transaction.txID;
  }

  /** TRX from this node's own wallet, or another. Returns the transaction's id. */
  pay(
    to: string,
    amountSun: bigint,
    { from = this.wallet, memo }: { from?: TronWallet; memo?: SendOptions["memo"] } = {},
  ): string {
    return this.send(from.transfer(to, amountSun, this.sendOptions(memo)));
  }

  /** A TRC-20 token. Returns the transaction's id. */
  payToken(contract: string, to: string, amount: bigint, from: TronWallet = this.wallet): string {
    return this.send(from.transferToken(contract, to, amount, this.sendOptions()));
  }

  /** Another node, or provider, of the same chain. */
  async another(): Promise<HttpInterface> {
    const http = new HttpInterface(questionsOf(this.chain));
    await http.listen();
    this.#others.push(http);
    return http;
  }

  async stop(): Promise<void> {
    for (const http of [this.http, ...this.#others]) await http.close();
  }
}

function questionsOf(chain: SimulatedChain): Questions {
  return {
    ...under("wallet", {
      ...chainQuestions(chain, () => chain.head.height),
      broadcasttransaction: (signed) => broadcast(chain, signed as unknown as SignedTransaction),
    }),
    ...under(
      "walletsolidity",
      chainQuestions(chain, () => chain.solidified.height),
    ),
  };
}

const under = (path: string, questions: Questions): Questions =>
  Object.fromEntries(Object.entries(questions).map(([name, ask]) => [`${path}/${name}`, ask]));

/** @param end height of the newest block that this interface knows */
function chainQuestions(chain: SimulatedChain, end: () => number): Questions {
  const known = (height: number) => (height <= end() ? chain.block(height) : undefined);
  const blockAt = (height: number) => known(height)?.answer ?? {};
  const infosAt = (height: number) => known(height)?.infos ?? [];
  const blockWith = (txId: string) => known(chain.blockWith(txId)?.height ?? Number.POSITIVE_INFINITY);
  return {
    getnowblock: () => blockAt(end()),
    getblock: ({ id_or_num, detail }) => {
      const { transactions, ...header } = blockAt(id_or_num === undefined ? end() : numberIn(id_or_num)) as {
        transactions?: unknown;
      };
      return detail === true && transactions !== undefined ? { ...header, transactions } : header;
    },
    getblockbynum: ({ num }) => blockAt(numberIn(num)),
    getblockbylimitnext: ({ startNum, endNum }) => {
      const [first, next] = [numberIn(startNum), numberIn(endNum)];
      if (next <= first || next - first > MAX_RANGE) throw new Error("wrong range");
      const block = Array.from({ length: next - first }, (_, place) => known(first + place)?.answer);
      return { block: block.filter((one) => one !== undefined) };
    },
    gettransactioninfobyblocknum: ({ num }) => infosAt(numberIn(num)),
    gettransactioninfobyid: ({ value }) => blockWith(String(value))?.infos.find(({ id }) => id === value) ?? {},
    gettransactionbyid: ({ value }) =>
      blockWith(String(value))?.answer.transactions?.find(({ txID }) => txID === value) ?? {},
  };
}

function numberIn(value: unknown): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error("num must be non-negative number");
  return number;
}

/** As a full node takes a transaction: what was signed must be what it says, and the sender must have signed it. */
function broadcast(chain: SimulatedChain, transaction: SignedTransaction): Question {
  const owner = transaction.raw_data.contract[0]?.parameter.value.owner_address;
  const signer = utils.crypto.ecRecover(transaction.txID, transaction.signature[0] ?? "").toLowerCase();
  if (!utils.transaction.txCheck(transaction) || signer !== hexOf(String(owner))) {
    return {
      code: "SIGERROR",
      txid: transaction.txID,
      message: Buffer.from("Validate signature error").toString("hex"),
    };
  }
  chain.accept({ ...transaction, raw_data_hex: transaction.raw_data_hex.toLowerCase() });
  return { result: true, txid: transaction.txID };
}
