/**
 * What counts as received on Solana: real transactions, built and signed with @solana/kit, executed by the real virtual
 * machine (litesvm) and read from a node's interface.
 */
import { type Address, address, generateKeyPairSigner } from "@solana/kit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { matchKeyOf } from "../../src/chains/match.ts";
import { memo, TOKEN_2022, transferSol, transferToken } from "../../testkit/solana/instructions.ts";
import { scan, sourceOn } from "../../testkit/solana/scan.ts";
import { TestSolanaNode } from "../../testkit/solana/solana-node.ts";
import { TestToken } from "../../testkit/solana/test-token.ts";

const LAMPORTS = 2_000_000n;

let node: TestSolanaNode;
let payer: Address;
let shop: Address;

beforeEach(async () => {
  node = await TestSolanaNode.start();
  payer = node.ledger.svm.payer.address;
  shop = (await generateKeyPairSigner()).address;
});
afterEach(() => node.server.close());

const send = (...args: Parameters<TestSolanaNode["ledger"]["send"]>) => node.ledger.send(...args);

describe("SOL", () => {
  it("that arrived is a transfer, told by its signature and its recipient", async () => {
    const txId = await send([transferSol(payer, shop, LAMPORTS)]);
    expect(await scan(node, sourceOn(node), shop)).toEqual([
      {
        txId,
        index: `sol:${shop}`,
        asset: "SOL",
        amountAtomic: LAMPORTS,
        recipient: shop,
        failed: false,
        spends: [],
      },
    ]);
  });

  it("to several wallets in one transaction is a transfer each, and two to one wallet are one", async () => {
    const other = (await generateKeyPairSigner()).address;
    await send([
      transferSol(payer, shop, LAMPORTS),
      transferSol(payer, other, LAMPORTS + 1n),
      transferSol(payer, shop, LAMPORTS + 2n),
    ]);
    const found = await scan(node, sourceOn(node), shop, other);
    expect(found.map(({ recipient, amountAtomic }) => [recipient, amountAtomic])).toEqual(
      expect.arrayContaining([
        [shop, LAMPORTS * 2n + 2n],
        [other, LAMPORTS + 1n],
      ]),
    );
    expect(new Set(found.map(({ index }) => index)).size).toBe(2);
  });

  it("of a transaction that failed was not received, though its fee was paid", async () => {
    await send([transferSol(payer, shop, LAMPORTS), transferSol(payer, shop, 1n << 60n)]);
    expect(await scan(node, sourceOn(node), shop, payer)).toEqual([]);
  });

  it("is counted in full where the recipient pays the fee, and paying a fee is no payment by anybody", async () => {
    const wallet = await generateKeyPairSigner();
    node.ledger.svm.fund(wallet.address, 1_000_000_000n);
    await send([transferSol(payer, wallet.address, LAMPORTS)], { feePayer: wallet });
    await send([memo("nothing moves")], { feePayer: wallet });
    const waits = [wallet.address, [wallet.address, { payer: wallet.address }]] as const;
    const found = await scan(node, sourceOn(node), ...waits);
    expect(found).toMatchObject([{ amountAtomic: LAMPORTS, recipient: wallet.address }]);
  });

  it("is exact in a wallet with more lamports than a JavaScript number holds", async () => {
    const rich = 2n ** 55n + 1n;
    node.ledger.svm.fund(shop, rich);
    await send([transferSol(payer, shop, 1n)]);
    const source = sourceOn(node);
    expect(await scan(node, source, shop)).toMatchObject([{ amountAtomic: 1n }]);
    const [found] = await scan(node, source, shop);
    const interest = {
      knows: () => true,
      keyFor: (recipient: string) => recipient,
      followsSpend: () => false,
      refresh: async () => undefined,
    };
    expect((await source.transaction(found?.txId ?? "", interest))?.transfers).toMatchObject([{ amountAtomic: 1n }]);
  });

  it.each(["legacy", 0, 1] as const)("in a transaction of version %s is the same", async (version) => {
    await send([transferSol(payer, shop, LAMPORTS)], { version });
    expect(await scan(node, sourceOn(node), shop)).toMatchObject([{ amountAtomic: LAMPORTS }]);
  });

  it("to a wallet that stands in a look-up table is found by its place there", async () => {
    const reference = (await generateKeyPairSigner()).address;
    const accounts = [reference, shop];
    const table = await node.ledger.svm.lookupTable(accounts);
    const waits = [shop, { referenceKey: reference }] as const;
    await send([transferSol(payer, shop, LAMPORTS, [reference])], { version: 0, tables: { [table]: accounts } });
    const found = await scan(node, sourceOn(node), waits);
    expect(node.ledger.head.transactions[0]?.meta?.loadedAddresses).toEqual({
      writable: [shop],
      readonly: [reference],
    });
    expect(found).toMatchObject([{ amountAtomic: LAMPORTS, recipient: matchKeyOf(...waits) }]);
  });
});

describe("a token", () => {
  it("is received by the owner of the token account, which is opened in the same transaction or before", async () => {
    const usdc = await TestToken.create(node.ledger, "USDC");
    const first = await send(await usdc.paying(shop, 1_500_000n));
    const second = await send(await usdc.paying(shop, 2_500_000n));
    expect(await scan(node, sourceOn(node, [usdc.token]), shop)).toMatchObject([
      { txId: first, index: `spl:${usdc.mint}:${shop}`, asset: "USDC", amountAtomic: 1_500_000n, recipient: shop },
      { txId: second, index: `spl:${usdc.mint}:${shop}`, asset: "USDC", amountAtomic: 2_500_000n, recipient: shop },
    ]);
  });

  it("of Token-2022 that takes a fee counts as what arrived, not as what was sent", async () => {
    const spec = { program: TOKEN_2022, feeBasisPoints: 250 };
    const taxed = await TestToken.create(node.ledger, "TAX", spec);
    await send(await taxed.paying(shop, 1_000_000n));
    expect(await scan(node, sourceOn(node, [taxed.token]), shop)).toMatchObject([
      { asset: "TAX", amountAtomic: 975_000n },
    ]);
  });

  it("that is not in the registry never counts, though it has the same name", async () => {
    const usdc = await TestToken.create(node.ledger, "USDC");
    const lookAlike = await TestToken.create(node.ledger, "USDC");
    await send([...(await lookAlike.paying(shop, 9_000_000n)), ...(await usdc.paying(shop, 1n))]);
    expect(await scan(node, sourceOn(node, [usdc.token]), shop)).toMatchObject([{ amountAtomic: 1n }]);
  });

  it("that only moves between two accounts of one owner is no payment", async () => {
    const usdc = await TestToken.create(node.ledger, "USDC");
    const wallet = await generateKeyPairSigner();
    await send(await usdc.paying(wallet.address, 5n));
    const { mint, program, token } = usdc;
    const from = await usdc.accountOf(wallet.address);
    const transfer = { program, mint, decimals: token.decimals, from, to: from, owner: wallet.address, amount: 5n };
    await send([transferToken(transfer)], { signers: [wallet] });
    expect(await scan(node, sourceOn(node, [token]), wallet.address)).toHaveLength(1);
  });

  it("and SOL in one transaction are two transfers with indexes of their own", async () => {
    const usdc = await TestToken.create(node.ledger, "USDC");
    await send([transferSol(payer, shop, LAMPORTS), ...(await usdc.paying(shop, 7n))]);
    const found = await scan(node, sourceOn(node, [usdc.token]), shop);
    expect(found.map(({ index, amountAtomic }) => [index, amountAtomic])).toEqual([
      [`sol:${shop}`, LAMPORTS],
      [`spl:${usdc.mint}:${shop}`, 7n],
    ]);
  });
});

describe("beside the wallet a payment is told apart by", () => {
  it("a reference key, which is only read and does not sign", async () => {
    const [mine, anothers] = [(await generateKeyPairSigner()).address, (await generateKeyPairSigner()).address];
    const waits = [shop, { referenceKey: mine }] as const;
    await send([transferSol(payer, shop, LAMPORTS, [anothers, mine])]);
    await send([transferSol(payer, shop, LAMPORTS, [anothers])]);
    const found = await scan(node, sourceOn(node), waits);
    expect(found.map(({ recipient }) => recipient)).toEqual([matchKeyOf(...waits), shop]);
  });

  it("a reference key of a token's transfer", async () => {
    const usdc = await TestToken.create(node.ledger, "USDC");
    const reference = (await generateKeyPairSigner()).address;
    const waits = [shop, { referenceKey: reference }] as const;
    await send(await usdc.paying(shop, 3n, [reference]));
    expect(await scan(node, sourceOn(node, [usdc.token]), waits)).toMatchObject([
      { amountAtomic: 3n, recipient: matchKeyOf(...waits) },
    ]);
  });

  it("a memo; what is no text, or too long, is none", async () => {
    const waits = [shop, { memo: "order № 7" }] as const;
    await send([memo("order № 7"), transferSol(payer, shop, LAMPORTS)]);
    await send([memo("order № 8"), transferSol(payer, shop, LAMPORTS)]);
    await send([memo("x".repeat(567)), transferSol(payer, shop, LAMPORTS)]);
    const found = await scan(node, sourceOn(node), waits);
    expect(found.map(({ recipient }) => recipient)).toEqual([matchKeyOf(...waits), shop, shop]);
  });

  it.each(["Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo", "Memo4c2pN8afCj432Lb7RMVKi9PbQnnW7ewFFaV3oAH"])(
    "a memo to the program %s (synthetic: it is not on this machine)",
    async (program) => {
      const waits = [shop, { memo: "order 9" }] as const;
      await send([memo("order 9"), transferSol(payer, shop, LAMPORTS)], {
        change: (told) => {
          const { message } = told.transaction;
          const accountKeys = message.accountKeys.map((key) => (key.startsWith("MemoSq4g") ? program : key));
          return { ...told, transaction: { ...told.transaction, message: { ...message, accountKeys } } };
        },
      });
      expect(await scan(node, sourceOn(node), waits)).toMatchObject([{ recipient: matchKeyOf(...waits) }]);
    },
  );

  it("who has paid: whose balance of this coin went down, not who paid the fee", async () => {
    const [customer, sponsor] = [await generateKeyPairSigner(), await generateKeyPairSigner()];
    for (const { address: wallet } of [customer, sponsor]) node.ledger.svm.fund(wallet, 1_000_000_000n);
    const options = { signers: [customer], feePayer: sponsor };
    await send([transferSol(customer.address, shop, LAMPORTS)], options);
    const byCustomer = [shop, { payer: customer.address }] as const;
    const bySponsor = [shop, { payer: sponsor.address }] as const;
    expect(await scan(node, sourceOn(node), byCustomer, bySponsor)).toMatchObject([
      { recipient: matchKeyOf(...byCustomer) },
    ]);
  });

  it("its signature, with who has paid", async () => {
    const txId = await send([transferSol(payer, shop, LAMPORTS)]);
    const waits = [shop, { txId, payer }] as const;
    const stranger = [shop, { txId, payer: address("11111111111111111111111111111112") }] as const;
    expect(await scan(node, sourceOn(node), waits, stranger)).toMatchObject([{ recipient: matchKeyOf(...waits) }]);
  });
});
