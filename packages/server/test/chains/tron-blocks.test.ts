/** What is read from blocks: TRX, TRC-20, and what only looks like them. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BlockSource, Interest, SightedTransfer } from "../../src/chains/following/block-source.ts";
import { watchedKey } from "../../src/chains/match.ts";
import { TronFacts } from "../../src/chains/tron/facts.ts";
import { readRawTransaction, txIdOf } from "../../src/chains/tron/raw-transaction.ts";
import { TronSource } from "../../src/chains/tron/tron-source.ts";
import { transferLog } from "../../testkit/tron/execution.ts";
import type { BlockAnswer } from "../../testkit/tron/node-answers.ts";
import { SimulatedTronNode } from "../../testkit/tron/start-tron.ts";
import { hexOf, randomAddress, TronWallet } from "../../testkit/tron/wallet.ts";

const AMOUNT = 2_500_000n;

const [token, lookAlike, exchange, recipient, somebody] = Array.from({ length: 5 }, randomAddress) as [
  string,
  string,
  string,
  string,
  string,
];
const { tokens } = new TronFacts({ tokens: [{ contract: token, symbol: "USDT", decimals: 6 }] });

let node: SimulatedTronNode;
let source: BlockSource;
let waited: Set<string>;
let interest: Interest;

beforeEach(async () => {
  node = await SimulatedTronNode.start();
  source = new TronSource({ endpoint: { url: node.url }, genesis: node.genesis, tokens });
  waited = new Set([hexOf(recipient)]);
  const knows = (key: string) => waited.has(key);
  interest = {
    knows,
    keyFor: (key, evidence) => watchedKey(knows, key, evidence),
    followsSpend: () => false,
    refresh: async () => undefined,
  };
});
afterEach(async () => {
  source.close();
  await node.stop();
});

/** Mines a block with what waits, and reads it. */
async function inNextBlock(): Promise<readonly SightedTransfer[]> {
  const before = node.chain.head.height;
  node.chain.mine(1);
  const [block] = await source.blocksAfter(before, await source.head(), 10, interest);
  return block?.transfers ?? [];
}

const seen = (txId: string, more: Partial<SightedTransfer> = {}): SightedTransfer => ({
  txId,
  index: "0",
  asset: "TRX",
  amountAtomic: AMOUNT,
  recipient: hexOf(recipient),
  failed: false,
  spends: [],
  ...more,
});

describe("TRX", () => {
  it("to an address that is waited for is seen, to others not", async () => {
    const txId = node.pay(recipient, AMOUNT);
    node.pay(somebody, AMOUNT);
    expect(await inNextBlock()).toEqual([seen(txId)]);
  });

  it("is counted to the last sun, also where JSON's numbers lose digits", async () => {
    const amountSun = 90_071_992_547_409_931n;
    expect(BigInt(Number(amountSun))).not.toBe(amountSun);
    const signed = node.wallet.transfer(recipient, 1n, node.sendOptions());
    // The library reckons with JSON's numbers itself: the amount is written into the signed bytes here.
    const exact = withAmount(signed.raw_data_hex, amountSun);
    const raw_data = JSON.parse(JSON.stringify(signed.raw_data).replace('"amount":1,', `"amount":${amountSun},`));
    node.send({
      ...signed,
      raw_data,
      raw_data_hex: exact,
      txID: txIdOf(exact),
      signature: [node.wallet.sign(txIdOf(exact))],
    });
    expect(await inNextBlock()).toEqual([seen(txIdOf(exact), { amountAtomic: amountSun })]);
  });

  it("that was not moved, although the transfer is in the block, has failed", async () => {
    const txId = node.send(node.wallet.transfer(recipient, AMOUNT, node.sendOptions()), {
      contractRet: "TRANSFER_FAILED",
      logs: [],
    });
    expect(await inNextBlock()).toEqual([seen(txId, { failed: true })]);
  });

  it("is not what a TRC-10 coin is", async () => {
    node.send(node.wallet.transferAsset(recipient, "1000001", AMOUNT, node.sendOptions()));
    expect(await inNextBlock()).toEqual([]);
  });
});

describe("a TRC-20 token", () => {
  it("of the configuration is seen by its log", async () => {
    const txId = node.payToken(token, recipient, AMOUNT);
    expect(await inNextBlock()).toEqual([seen(txId, { asset: "USDT" })]);
  });

  it("that only looks like it is not: its name and its log say what they like", async () => {
    node.payToken(lookAlike, recipient, AMOUNT);
    expect(await inNextBlock()).toEqual([]);
  });

  it("that another contract moves is seen, each of its transfers for itself", async () => {
    const moved = (to: string, amount: bigint, contract = token) =>
      transferLog({ contract: hexOf(contract), from: hexOf(exchange), to: hexOf(to), amount });
    const txId = node.send(node.wallet.call(exchange, "deadbeef", node.sendOptions()), {
      contractRet: "SUCCESS",
      logs: [moved(somebody, 1n), moved(recipient, 7n), moved(recipient, 5n, lookAlike), moved(recipient, 9n)],
    });
    expect(await inNextBlock()).toEqual([
      seen(txId, { asset: "USDT", index: "1", amountAtomic: 7n }),
      seen(txId, { asset: "USDT", index: "3", amountAtomic: 9n }),
    ]);
  });

  it.each(["OUT_OF_ENERGY", "REVERT"] as const)("whose call ended in %s has failed", async (contractRet) => {
    const signed = node.wallet.transferToken(token, recipient, AMOUNT, node.sendOptions());
    const txId = node.send(signed, { contractRet, logs: [] });
    expect(await inNextBlock()).toEqual([seen(txId, { asset: "USDT", failed: true })]);
  });

  it("that somebody sends to himself is passed over: nothing has arrived", async () => {
    const moved = (from: string) =>
      transferLog({ contract: hexOf(token), from: hexOf(from), to: hexOf(recipient), amount: 7n });
    const txId = node.send(node.wallet.call(exchange, "deadbeef", node.sendOptions()), {
      contractRet: "SUCCESS",
      logs: [moved(recipient), moved(somebody)],
    });
    expect(await inNextBlock()).toEqual([seen(txId, { asset: "USDT", index: "1", amountAtomic: 7n })]);
  });

  it("of which nothing was sent is passed over", async () => {
    node.payToken(token, recipient, 0n);
    expect(await inNextBlock()).toEqual([]);
  });

  it("is not an approval, whatever amount its log names", async () => {
    const log = transferLog({ contract: hexOf(token), from: hexOf(somebody), to: hexOf(recipient), amount: AMOUNT });
    const approval = "8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925";
    node.send(node.wallet.call(token, "095ea7b3", node.sendOptions()), {
      contractRet: "SUCCESS",
      logs: [{ ...log, topics: [approval, ...log.topics.slice(1)] }],
    });
    expect(await inNextBlock()).toEqual([]);
  });

  it("costs no question where no contract was called", async () => {
    node.pay(recipient, AMOUNT);
    await inNextBlock();
    expect(node.http.calls.get("wallet/gettransactioninfobyblocknum")).toBeUndefined();
  });
});

describe("what stands beside the recipient", () => {
  it("is the sender, with the transaction's id, or the memo", async () => {
    const payer = new TronWallet();
    const txId = node.pay(recipient, AMOUNT, { from: payer, memo: "order 7" });
    for (const beside of [`payer=${payer.address}`, "memo=order%207", `txId=${txId}&payer=${payer.address}`]) {
      waited.add(`${hexOf(recipient)}?${beside}`);
    }
    const [transfer] = await inNextBlock();
    expect(transfer?.recipient).toContain(`payer=${payer.address}`);
    expect(transfer?.recipient).toContain(`txId=${txId}`);
    expect(transfer?.recipient).toContain("memo=order%207");
  });

  it("is for a token whose it was, not who paid for the call", async () => {
    waited.add(`${hexOf(recipient)}?payer=${exchange}`);
    waited.add(`${hexOf(recipient)}?payer=${node.wallet.address}`);
    const log = transferLog({ contract: hexOf(token), from: hexOf(exchange), to: hexOf(recipient), amount: AMOUNT });
    node.send(node.wallet.call(token, "23b872dd", node.sendOptions()), { contractRet: "SUCCESS", logs: [log] });
    expect((await inNextBlock())[0]?.recipient).toBe(`${hexOf(recipient)}?payer=${exchange}`);
  });

  it("is no memo where the data is no text, or very long", async () => {
    waited.add(`${hexOf(recipient)}?memo=${"x".repeat(257)}`);
    for (const memo of ["x".repeat(257), Buffer.from([0xff, 0xfe])]) node.pay(recipient, AMOUNT, { memo });
    const signed = node.wallet.transfer(recipient, AMOUNT, node.sendOptions("memo"));
    expect(readRawTransaction(signed.raw_data_hex).data).toEqual(Buffer.from("memo"));
    expect((await inNextBlock()).map((transfer) => transfer.recipient)).toEqual([hexOf(recipient), hexOf(recipient)]);
  });
});

describe("what does not fit together is not credited:", () => {
  const inTransactions = (change: (block: BlockAnswer) => unknown) => (path: string, answer: unknown) =>
    path === "wallet/getblockbynum" ? change(structuredClone(answer) as BlockAnswer) : answer;

  it.each([
    ["an id that is not the hash of what was signed", "txID", "ab".repeat(32)],
    ["signed bytes of another transaction", "raw_data_hex", "0a02"],
  ])("%s", async (_, member, value) => {
    node.pay(recipient, AMOUNT);
    node.http.tamper = inTransactions((block) => {
      Object.assign(block.transactions?.[0] ?? {}, { [member]: value });
      return block;
    });
    await expect(inNextBlock()).rejects.toThrow(/do not fit together/);
  });

  it("a recipient that is not the signed one", async () => {
    node.pay(somebody, AMOUNT);
    node.http.tamper = inTransactions((block) =>
      JSON.parse(
        JSON.stringify(block).replace(`"to_address":"${hexOf(somebody)}"`, `"to_address":"${hexOf(recipient)}"`),
      ),
    );
    await expect(inNextBlock()).rejects.toThrow(/do not fit together/);
  });
});

it("a transaction as a wallet's documentation publishes it is read as it says", () => {
  // Source: TokenPocket, developer documentation, scan protocol of TRON.
  const published =
    "0a027cea2208cb7295aa4aa8065040f89bf89fe7305a65080112610a2d747970652e676f6f676c65617069732e636f6d2f70726f746f636f6c2e5472616e73666572436f6e747261637412300a1541f90a4115ca0859c0db8415d73b3a22626506cbbe121541be9cd66315067fd1c588b2cf7dd15969de15f556186470facbf49fe730";
  expect(txIdOf(published)).toBe("a08fd7a3ad426a4dd9fa6654c36293d8dd8db3bf961bd9820696477f82b7572e");
  expect(readRawTransaction(published).contract).toEqual({
    kind: "transfer",
    owner: "41f90a4115ca0859c0db8415d73b3a22626506cbbe",
    to: "41be9cd66315067fd1c588b2cf7dd15969de15f556",
    amountSun: 100n,
  });
});

/** The signed bytes of a transfer of one sun, with another amount; lengths are those of the bytes around it. */
function withAmount(rawDataHex: string, amount: bigint): string {
  const digits: number[] = [];
  let rest = amount;
  for (; rest > 0x7fn; rest >>= 7n) digits.push(Number(rest & 0x7fn) | 0x80);
  const longer = Buffer.from([...digits, Number(rest)]);
  const raw = Buffer.from(rawDataHex, "hex");
  const url = raw.indexOf("type.googleapis.com");
  // Field 11 (contract), its parameter, the parameter's value: each names its length, and ends with the amount.
  const urlEnd = url + (raw[url - 1] as number);
  const valueStart = urlEnd + 2;
  const valueEnd = valueStart + (raw[urlEnd + 1] as number);
  for (const at of [urlEnd + 1, url - 3, url - 7]) raw[at] = (raw[at] as number) + longer.length - 1;
  return Buffer.concat([raw.subarray(0, valueEnd - 1), longer, raw.subarray(valueEnd)]).toString("hex");
}
