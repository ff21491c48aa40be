/** Transactions that somebody wrote by hand: what a node makes of them is what is read, and none stops the chain. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EndpointFailure, type Interest } from "../../src/chains/following/block-source.ts";
import { watchedKey } from "../../src/chains/match.ts";
import { readRawTransaction, txIdOf } from "../../src/chains/tron/raw-transaction.ts";
import { TronSource } from "../../src/chains/tron/tron-source.ts";
import type { BlockAnswer, TransactionInBlock } from "../../testkit/tron/node-answers.ts";
import { message } from "../../testkit/tron/protobuf.ts";
import { SimulatedTronNode } from "../../testkit/tron/start-tron.ts";
import { hexOf, randomAddress } from "../../testkit/tron/wallet.ts";

const [owner, recipient] = [randomAddress(), randomAddress()];
const bytesOf = (hex: string) => Buffer.from(hex, "hex");

/** The signed bytes of a transfer of one sun, with these bytes behind those of its contract. */
function transferWith(...behind: number[]): string {
  const value = Buffer.concat([
    message([1, bytesOf(hexOf(owner))], [2, bytesOf(hexOf(recipient))], [3, 1]),
    Buffer.from(behind),
  ]);
  const url = Buffer.from("type.googleapis.com/protocol.TransferContract");
  return message([11, message([1, 1], [2, message([1, url], [2, value])])], [14, 1_700_000_000_000]).toString("hex");
}

const ONE_SUN = { kind: "transfer", owner: hexOf(owner), to: hexOf(recipient), amountSun: 1n };

describe("signed bytes that protobuf accepts", () => {
  it.each([
    ["an amount with bits beyond the 64th", [0x18, 0x81, ...Array(8).fill(0x80), 0x02]],
    ["a padded amount", [0x18, 0x81, 0x80, 0x00]],
    ["an unknown group, with another one in it", [0x2b, 0x33, 0x38, 0x05, 0x34, 0x42, 0x01, 0x00, 0x2c]],
    ["the recipient once more, as a number", [0x10, 0x07]],
    ["the amount once more, as bytes", [0x1a, 0x01, 0x09]],
    ["a tag with bits beyond the 32nd", [0x98, 0x80, 0x80, 0x80, 0x90, 0x01, 0x01]],
    ["an unknown number, and others of fixed length", [0x28, 0x01, 0x2d, 0, 0, 0, 0, 0x29, 0, 0, 0, 0, 0, 0, 0, 0]],
  ])("are read as it does: %s", (_, behind) => {
    expect(readRawTransaction(transferWith(...behind)).contract).toEqual(ONE_SUN);
  });

  it.each([
    ["a group without an end", [0x2b, 0x08, 0x01]],
    ["an end without a group", [0x2c]],
    ["a number without an end", [0x28, ...Array(10).fill(0x80), 0x00]],
    ["a field that is longer than all", [0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])("and others are refused as it does: %s", (_, behind) => {
    expect(() => readRawTransaction(transferWith(...behind))).toThrow();
  });
});

describe("a block", () => {
  const knows = (key: string) => key === hexOf(recipient);
  const interest: Interest = {
    knows,
    keyFor: (key, evidence) => watchedKey(knows, key, evidence),
    followsSpend: () => false,
    refresh: async () => undefined,
  };
  let node: SimulatedTronNode;
  let source: TronSource;

  beforeEach(async () => {
    node = await SimulatedTronNode.start();
    source = new TronSource({ endpoint: { url: node.url }, genesis: node.genesis, tokens: new Map() });
  });
  afterEach(async () => {
    source.close();
    await node.stop();
  });

  /** The next block, with its first transaction changed. */
  async function reading(change: (first: TransactionInBlock) => unknown) {
    const before = node.chain.head.height;
    node.chain.mine(1);
    node.http.tamper = (path, answer) => {
      const block = structuredClone(answer) as BlockAnswer;
      const [first, ...others] = block.transactions ?? [];
      if (path !== "wallet/getblockbynum" || !first) return answer;
      return { ...block, transactions: [change(first), ...others] };
    };
    const [block] = await source.blocksAfter(before, await source.head(), 1, interest);
    return block?.transfers.map(({ txId, amountAtomic }) => ({ txId, amountAtomic }));
  }

  it.each([
    ["that the node could not unpack", () => []],
    ["of a kind that the node does not know", () => [{ type: "FutureContract", parameter: { type_url: "x" } }]],
  ])("with a contract %s gives what else is in it", async (_, contract) => {
    node.pay(randomAddress(), 5n);
    const txId = node.pay(recipient, 7n);
    const transfers = await reading((first) => ({ ...first, raw_data: { ...first.raw_data, contract: contract() } }));
    expect(transfers).toEqual([{ txId, amountAtomic: 7n }]);
  });

  it("with a group in what was signed is read", async () => {
    node.pay(recipient, 1n);
    const raw_data_hex = transferWith(0x2b, 0x2c);
    const txID = txIdOf(raw_data_hex);
    expect(await reading((first) => ({ ...first, txID, raw_data_hex }))).toEqual([{ txId: txID, amountAtomic: 1n }]);
  });

  it("whose amount is not the signed one is not believed", async () => {
    node.pay(recipient, 7n);
    const changed = reading((first) => JSON.parse(JSON.stringify(first).replace('"amount":7', '"amount":8')));
    await expect(changed).rejects.toThrow(/do not fit together/);
  });

  it("with addresses in base58 is refused, since its payments would be overlooked", async () => {
    node.pay(recipient, 7n);
    const changed = reading((first) => JSON.parse(JSON.stringify(first).replace(hexOf(recipient), recipient)));
    await expect(changed).rejects.toThrow(EndpointFailure);
  });
});
