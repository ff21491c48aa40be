/** Which transfers count, and how much of them: on a real anvil, with real contracts. */
import type { Hex } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EvmSource } from "../../src/chains/evm/evm-source.ts";
import { BlocksMissing } from "../../src/chains/following/block-source.ts";
import { matchKeyOf } from "../../src/chains/match.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { multisend, tokenTransfer, tokenTransferFrom } from "../../testkit/anvil/calls.ts";
import { forwarderCode, REFUSING_CODE } from "../../testkit/anvil/contracts.ts";
import { inNewestBlock, sourceOn, token, waitingFor } from "../../testkit/anvil/source.ts";
import { TestChain } from "../../testkit/anvil/test-chain.ts";

let chain: TestChain;
/** In the registry: a plain one, and one that takes a tenth of every transfer and logs all of it. */
let plain: Hex;
let taxed: Hex;
/** Not in the registry, with the plain one's symbol. */
let lookAlike: Hex;
let source: EvmSource;

beforeAll(async () => {
  chain = await TestChain.start(systemClock);
  plain = await chain.deployToken();
  lookAlike = await chain.deployToken();
  taxed = await chain.deployToken({ symbol: "TAX", feePercent: 10 });
  source = sourceOn(chain, [token(plain), token(taxed, { symbol: "TAX" })]);
});
afterAll(() => chain.stop());

describe("of a block's transfers", () => {
  it("those in the native coin and in the tokens of the registry count, in the block's order", async () => {
    const [alice, bob] = [chain.newAddress(), chain.newAddress()];
    const txId = await chain.send([tokenTransfer(plain, alice, 7n)], [plain]);
    const native = await chain.send([{ to: bob, value: 5n }]);
    await chain.mine(1);
    const spends = (id: Hex) => [`${chain.senderOf(id).toLowerCase()}:0`];
    expect(await inNewestBlock(source, waitingFor(alice, bob))).toEqual([
      {
        txId,
        index: `${plain}:${alice.toLowerCase()}:0`,
        asset: "USDT",
        amountAtomic: 7n,
        recipient: alice.toLowerCase(),
        failed: false,
        spends: spends(txId),
      },
      {
        txId: native,
        index: "native",
        asset: "ETH",
        amountAtomic: 5n,
        recipient: bob.toLowerCase(),
        failed: false,
        spends: spends(native),
      },
    ]);
  });

  it("a token that is not in the registry never does, whatever it calls itself", async () => {
    const alice = chain.newAddress();
    const txId = await chain.send([tokenTransfer(lookAlike, alice, 500n)], [lookAlike]);
    await chain.mine(1);
    expect(await inNewestBlock(source, waitingFor(alice))).toEqual([]);
    expect(await source.transaction(txId, waitingFor(alice))).toMatchObject({ transfers: [] });
  });

  it("one that nobody waits for, of nothing, or to oneself does not", async () => {
    const alice = chain.newAddress();
    await chain.send([tokenTransfer(plain, chain.newAddress(), 3n), { to: chain.newAddress(), value: 3n }], [plain]);
    await chain.send([tokenTransfer(plain, alice, 0n), { to: alice, value: 0n }], [plain]);
    await chain.setTokenBalance(plain, alice, 9n);
    await chain.send([tokenTransferFrom(plain, alice, alice, 9n)]);
    await chain.mine(1);
    expect(await inNewestBlock(source, waitingFor(alice))).toEqual([]);
  });

  it("one whose transaction was reverted is failed", async () => {
    const [alice, contract] = [chain.newAddress(), chain.newAddress()];
    await chain.anvil.rpc("anvil_setCode", contract, REFUSING_CODE);
    await chain.send([tokenTransfer(plain, alice, 3n)]);
    await chain.send([{ to: contract, value: 4n }]);
    await chain.mine(1);
    expect(await inNewestBlock(source, waitingFor(alice, contract))).toMatchObject([
      { asset: "USDT", failed: true, index: `${plain}:${alice.toLowerCase()}:0` },
      { asset: "ETH", failed: true, index: "native" },
    ]);
  });

  it("what a contract passes on in the native coin is not seen", async () => {
    const alice = chain.newAddress();
    const forwarder = await chain.deploy(forwarderCode());
    await chain.send([{ to: forwarder, value: 5n, data: `0x${alice.slice(2).padStart(64, "0")}` }]);
    await chain.mine(1);
    expect(await chain.anvil.rpc("eth_getBalance", alice, "latest")).toBe("0x5");
    expect(await inNewestBlock(source, waitingFor(alice))).toEqual([]);
  });

  it("1,000 of one transaction count one by one", async () => {
    const batch = await chain.deployMultisend();
    const payments = Array.from({ length: 1_000 }, (_, n) => ({ to: chain.newAddress(), amountAtomic: BigInt(n + 1) }));
    await chain.send([multisend(batch, plain, payments)], [plain]);
    await chain.mine(1);
    const found = await inNewestBlock(source, waitingFor(...payments.map(({ to }) => to)));
    expect(found.map(({ amountAtomic, failed }) => [amountAtomic, failed])).toEqual(
      payments.map(({ amountAtomic }) => [amountAtomic, false]),
    );
    expect(new Set(found.map(({ index }) => index)).size).toBe(1_000);
  });

  it("several to one address in one transaction are told apart, wherever in a block it lies", async () => {
    const batch = await chain.deployMultisend();
    const alice = chain.newAddress();
    const payments = [1n, 2n, 3n].map((amountAtomic) => ({ to: alice, amountAtomic }));
    await chain.send([multisend(batch, plain, payments)], [plain]);
    await chain.mine(1);
    const before = await inNewestBlock(source, waitingFor(alice));
    expect(before.map(({ index }) => index.split(":")[2])).toEqual(["0", "1", "2"]);
    await chain.reorg(1, "dropped");
    await chain.send([tokenTransfer(plain, alice, 9n)], [plain]);
    await chain.send([multisend(batch, plain, payments)], [plain]);
    await chain.mine(1);
    const after = await inNewestBlock(source, waitingFor(alice));
    expect(after.slice(1).map(({ index }) => index)).toEqual(before.map(({ index }) => index));
  });
});

describe("a payment that is told apart by more than its address", () => {
  it("is found by its payer, and by its transaction together with the payer", async () => {
    const alice = chain.newAddress();
    const txId = await chain.send([{ to: alice, value: 5n }, tokenTransfer(plain, alice, 6n)], [plain]);
    await chain.mine(1);
    const payer = chain.senderOf(txId);
    const byPayer = matchKeyOf(alice.toLowerCase(), { payer });
    const byBoth = matchKeyOf(alice.toLowerCase(), { txId, payer });
    const stranger = matchKeyOf(alice.toLowerCase(), { txId, payer: chain.newAddress() });
    const keys = async (...waited: string[]) =>
      (await inNewestBlock(source, waitingFor(alice, ...waited))).map(({ recipient }) => recipient);
    expect(await keys(byPayer)).toEqual([byPayer, byPayer]);
    expect(await keys(byPayer, byBoth)).toEqual([byPayer, byBoth]);
    expect(await keys(stranger)).toEqual([alice.toLowerCase(), alice.toLowerCase()]);
  });

  it("the payer of a token is whose tokens they were, not who sent the transaction", async () => {
    const [alice, owner] = [chain.newAddress(), chain.newAddress()];
    await chain.setTokenBalance(plain, owner, 9n);
    await chain.send([tokenTransferFrom(plain, owner, alice, 9n)]);
    await chain.mine(1);
    const byOwner = matchKeyOf(alice.toLowerCase(), { payer: owner });
    expect(await inNewestBlock(source, waitingFor(alice, byOwner))).toMatchObject([{ recipient: byOwner }]);
  });
});

describe("of a token whose logs say more than what arrives", () => {
  it("what arrived counts", async () => {
    const alice = chain.newAddress();
    await chain.send([tokenTransfer(taxed, alice, 1_000n)], [taxed]);
    await chain.mine(1);
    expect(await inNewestBlock(source, waitingFor(alice))).toMatchObject([{ amountAtomic: 900n, failed: false }]);
  });

  it("what is short is taken off from the last transfers, and one of which nothing is left has failed", async () => {
    const alice = chain.newAddress();
    // 1,100 logged, 990 arrived.
    await chain.send(
      [1_000n, 100n].map((amountAtomic) => tokenTransfer(taxed, alice, amountAtomic)),
      [taxed],
    );
    await chain.mine(1);
    const amounts = async () =>
      (await inNewestBlock(source, waitingFor(alice))).map(({ amountAtomic, failed }) => [amountAtomic, failed]);
    expect(await amounts()).toEqual([
      [990n, false],
      [100n, true],
    ]);
  });

  it("what the recipient sent on in the same block is not short", async () => {
    const alice = chain.newAddress();
    const pay = tokenTransfer(taxed, alice, 1_000n);
    await chain.send([pay, tokenTransferFrom(taxed, alice, chain.newAddress(), 400n)], [taxed]);
    await chain.mine(1);
    expect(await inNewestBlock(source, waitingFor(alice))).toMatchObject([{ amountAtomic: 900n }]);
  });

  it("a balance that grows by itself is no payment", async () => {
    const alice = chain.newAddress();
    await chain.send([tokenTransfer(plain, alice, 10n)], [plain]);
    await chain.setTokenBalance(plain, alice, 1_000n);
    await chain.mine(1);
    expect(await inNewestBlock(source, waitingFor(alice))).toMatchObject([{ amountAtomic: 10n }]);
  });

  it("the log counts where the operator says that it is to be trusted", async () => {
    const alice = chain.newAddress();
    const trusting = sourceOn(chain, [token(taxed, { balanceCheck: false })]);
    await chain.send([tokenTransfer(taxed, alice, 1_000n)], [taxed]);
    await chain.mine(1);
    chain.facade.asked.length = 0;
    expect(await inNewestBlock(trusting, waitingFor(alice))).toMatchObject([{ amountAtomic: 1_000n }]);
    expect(chain.facade.asked).not.toContain("eth_call");
  });

  it("of a node that no longer knows the balances nothing is taken, and its message says what to do", async () => {
    const alice = chain.newAddress();
    await chain.send([tokenTransfer(plain, alice, 10n)], [plain]);
    await chain.mine(1);
    const message = "missing trie node 1a2b (path ) state 0x1a2b is not available";
    chain.facade.overrides.set("eth_call", () => ({ error: { code: -32_000, message } }));
    const asked = inNewestBlock(source, waitingFor(alice));
    await expect(asked).rejects.toThrow(BlocksMissing);
    await expect(asked).rejects.toThrow(/balances of USDT at block \d+.*Add an archive endpoint, or.*balanceCheck/);
    chain.facade.overrides.clear();
    expect(await inNewestBlock(source, waitingFor(alice))).toMatchObject([{ amountAtomic: 10n }]);
  });
});

describe("a transaction that somebody names", () => {
  it("tells what it brings, waiting or in a block, and none of its neighbours'", async () => {
    const [alice, bob] = [chain.newAddress(), chain.newAddress()];
    const txId = await chain.send([tokenTransfer(taxed, alice, 1_000n)], [taxed]);
    const other = await chain.send([tokenTransfer(taxed, alice, 100n), { to: bob, value: 5n }], [taxed]);
    const interest = waitingFor(alice, bob);
    expect(await source.transaction(txId, interest)).toMatchObject({
      block: null,
      transfers: [{ txId, amountAtomic: 1_000n }],
    });
    await chain.mine(1);
    // 1,100 logged, 990 arrived: with its neighbour's, so that both are looked at together.
    const index = `${taxed}:${alice.toLowerCase()}:0`;
    const found = await source.transaction(txId, interest);
    expect(found).toMatchObject({ block: { height: await chain.height() } });
    expect(found?.transfers).toMatchObject([{ txId, index, amountAtomic: 990n }]);
    expect(await source.transaction(other, interest)).toMatchObject({
      transfers: [{ asset: "ETH", amountAtomic: 5n }],
    });
  });

  it("is nothing where the node does not know it", async () => {
    expect(await source.transaction(`0x${"12".repeat(32)}`, waitingFor())).toBeNull();
  });
});

describe("how much is asked", () => {
  const asked = async (addresses: readonly string[]): Promise<string[]> => {
    chain.facade.asked.length = 0;
    const head = await source.head();
    await source.blocksAfter(head.height - 1, head, 1, waitingFor(...addresses));
    return [...chain.facade.asked].slice(1);
  };

  it("of a block that moves no token of the registry, its logs are not fetched", async () => {
    await chain.send(
      [{ to: chain.newAddress(), value: 1n }, tokenTransfer(lookAlike, chain.newAddress(), 1n)],
      [lookAlike],
    );
    await chain.mine(1);
    expect(await asked([chain.newAddress()])).toEqual(["eth_getBlockByNumber"]);
  });

  it("of a block that concerns nobody, neither receipts nor balances are, however many are watched", async () => {
    await chain.send([{ to: chain.newAddress(), value: 1n }, tokenTransfer(plain, chain.newAddress(), 1n)], [plain]);
    await chain.mine(1);
    const many = Array.from({ length: 10_000 }, (_, n) => `0x${n.toString(16).padStart(40, "0")}`);
    expect(await asked(many)).toEqual(["eth_getBlockByNumber", "eth_getLogs"]);
  });
});
