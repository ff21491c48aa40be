/** The simulated node against the genuine library: what it says is what TRON would say. */
import { TronWeb, utils } from "tronweb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BlockAnswer, InfoAnswer, TransactionInBlock } from "../../testkit/tron/node-answers.ts";
import { SimulatedTronNode } from "../../testkit/tron/start-tron.ts";
import { hexOf, randomAddress, TronWallet } from "../../testkit/tron/wallet.ts";

const AMOUNT = 1_234_567n;
const token = randomAddress();
const recipient = randomAddress();

let node: SimulatedTronNode;
let tronWeb: TronWeb;

beforeAll(async () => {
  node = await SimulatedTronNode.start({ solidificationLag: 2 });
  tronWeb = new TronWeb({ fullHost: node.url });
});
afterAll(() => node.stop());

const block = (height: number) => tronWeb.trx.getBlockByNumber(height) as unknown as Promise<BlockAnswer>;

describe("a transaction", () => {
  let sent: { coin: string; call: string; asset: string };
  let inBlock: readonly TransactionInBlock[];

  beforeAll(async () => {
    sent = {
      coin: node.pay(recipient, AMOUNT, { memo: "order 7" }),
      call: node.payToken(token, recipient, AMOUNT),
      asset: node.send(node.wallet.transferAsset(recipient, "1000001", AMOUNT, node.sendOptions())),
    };
    node.chain.mine(1);
    inBlock = (await block(1)).transactions ?? [];
  });

  it("has the id of its signed bytes, which say what its JSON says", () => {
    expect(inBlock.map(({ txID }) => txID)).toEqual([sent.coin, sent.call, sent.asset]);
    for (const transaction of inBlock) {
      expect(utils.transaction.txCheck({ ...transaction, visible: false })).toBe(true);
      const [{ type } = { type: "" }] = transaction.raw_data.contract;
      const [decoded] = utils.deserializeTx.deserializeTransaction(type, transaction.raw_data_hex).contract;
      expect(decoded.type).toBe(type);
    }
  });

  it("is signed by the one who sends", () => {
    for (const { txID, signature, raw_data } of inBlock) {
      const signer = utils.crypto.ecRecover(txID, signature[0] ?? "").toLowerCase();
      expect(signer).toBe(raw_data.contract[0]?.parameter.value.owner_address);
      expect(TronWeb.address.fromHex(signer)).toBe(node.wallet.address);
    }
  });

  it("calls a token's contract with what its ABI says, and leaves the log of it", async () => {
    const { data, contract_address } = (inBlock[1]?.raw_data.contract[0]?.parameter.value ?? {}) as Record<
      string,
      string
    >;
    expect(TronWeb.address.fromHex(contract_address ?? "")).toBe(token);
    const called = utils.abi.decodeParams(["to", "value"], ["address", "uint256"], data ?? "", true);
    expect([TronWeb.address.fromHex(called.to), BigInt(called.value)]).toEqual([recipient, AMOUNT]);

    const info = (await tronWeb.trx.getUnconfirmedTransactionInfo(sent.call)) as unknown as InfoAnswer;
    const [log] = info.log ?? [];
    expect(log?.address).toBe(hexOf(token).slice(2));
    expect(`0x${log?.topics[0]}`).toBe(utils.ethersUtils.id("Transfer(address,address,uint256)"));
    expect(log?.topics.slice(1).map((word) => TronWeb.address.fromHex(`41${word.slice(24)}`))).toEqual([
      node.wallet.address,
      recipient,
    ]);
    expect(BigInt(`0x${log?.data}`)).toBe(AMOUNT);
    expect(info).toMatchObject({ id: sent.call, blockNumber: 1, receipt: { result: "SUCCESS" } });
  });

  it("is taken from the genuine client only as its sender signed it", async () => {
    const wallet = new TronWallet();
    const signed = wallet.transfer(recipient, 5n, node.sendOptions());
    const forged = { ...signed, signature: [node.wallet.sign(signed.txID)] };
    expect(await tronWeb.trx.sendRawTransaction(forged as never)).toMatchObject({ code: "SIGERROR" });
    expect(await tronWeb.trx.sendRawTransaction(signed as never)).toMatchObject({ result: true, txid: signed.txID });
    node.chain.mine(1);
    expect(await tronWeb.trx.getTransaction(signed.txID)).toMatchObject({ txID: signed.txID });
  });
});

describe("a block", () => {
  it("carries its height in its id and names the one before it", async () => {
    node.chain.mine(3);
    for (let height = 1; height <= node.chain.head.height; height += 1) {
      const { blockID, block_header } = await block(height);
      expect(Number.parseInt(blockID.slice(0, 16), 16)).toBe(height);
      expect(block_header.raw_data).toMatchObject({ number: height, parentHash: (await block(height - 1)).blockID });
    }
    expect((await block(node.chain.head.height)).transactions).toBeUndefined();
  });

  it("is solidified some blocks behind the head", async () => {
    expect(await tronWeb.trx.getCurrentBlock()).toMatchObject({ blockID: node.chain.head.answer.blockID });
    expect(node.chain.solidified.height).toBe(node.chain.head.height - 2);
    const solidified = await tronWeb.solidityNode.request("walletsolidity/getnowblock", {}, "post");
    expect(solidified).toMatchObject({ blockID: node.chain.solidified.answer.blockID });
  });

  it("is another one on another branch, and solidified ones stay", () => {
    const before = node.chain.head.answer.blockID;
    node.chain.reorg(1, "dropped");
    expect(node.chain.block(node.chain.head.height - 1)?.answer.blockID).not.toBe(before);
    expect(() => node.chain.reorg(4, "dropped")).toThrow("Solidified blocks are never dropped.");
  });
});
