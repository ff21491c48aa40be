/**
 * Tributary's payment records. The transfers are real (litesvm); the program's call and its records are synthetic, put
 * into the told form of the transaction, because the program itself cannot be had.
 */
import { type Address, generateKeyPairSigner } from "@solana/kit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { matchIn, type PaymentMatch, recipientIn } from "../../src/chains/match.ts";
import { transferSol } from "../../testkit/solana/instructions.ts";
import { scan, sourceOn, type Wait } from "../../testkit/solana/scan.ts";
import { TestSolanaNode } from "../../testkit/solana/solana-node.ts";
import type { ToldTransaction } from "../../testkit/solana/svm.ts";
import { TestToken } from "../../testkit/solana/test-token.ts";
import {
  callLog,
  type RecordSpec,
  recordLine,
  TRIBUTARY,
  withCall,
  withRecord,
} from "../../testkit/solana/tributary-record.ts";

let node: TestSolanaNode;
let usdc: TestToken;
let shop: Address;
let gateway: Address;
let unusable: string[];

beforeEach(async () => {
  node = await TestSolanaNode.start();
  usdc = await TestToken.create(node.ledger, "USDC");
  shop = (await generateKeyPairSigner()).address;
  gateway = (await generateKeyPairSigner()).address;
  unusable = [];
});
afterEach(() => node.server.close());

async function pay(amount: bigint, change: (told: ToldTransaction) => ToldTransaction): Promise<string> {
  return node.ledger.send(await usdc.paying(shop, amount), { change });
}

interface Seen {
  wallet: string;
  match: Readonly<PaymentMatch>;
  amount: bigint;
  trackingId: string | null;
}

async function seen(...waits: readonly Wait[]): Promise<Seen[]> {
  const onUnusableMemo = (txId: string) => unusable.push(txId);
  const source = sourceOn(node, [usdc.token], { tributaryProgram: TRIBUTARY, onUnusableMemo });
  return (await scan(node, source, ...waits)).map(({ recipient, amountAtomic, standingReference }) => ({
    wallet: recipientIn(recipient),
    match: matchIn(recipient),
    amount: amountAtomic,
    trackingId: standingReference ?? null,
  }));
}

const any = (): Wait => [shop, { tributary: "*" }];
const record = (spec: Partial<RecordSpec> = {}): RecordSpec => ({
  gateway,
  amount: 1_000_000n,
  memo: "sub-7",
  ...spec,
});
const whole = (spec: Partial<Seen> = {}): Seen => ({
  wallet: shop,
  match: { tributary: "*" },
  amount: 1_000_000n,
  trackingId: "sub-7",
  ...spec,
});

describe("a record", () => {
  it("of 148 bytes gives the transfer its tracking id", async () => {
    await pay(1_000_000n, withRecord(record()));
    expect(await seen(any())).toEqual([whole()]);
  });

  it("of 244 bytes too, where it names this wallet and this mint", async () => {
    await pay(1_000_000n, withRecord(record({ recipient: shop, mint: usdc.mint })));
    expect(await seen(any())).toEqual([whole()]);
  });

  it("of 244 bytes that names another wallet or another mint is not about this transfer", async () => {
    await pay(1n, withRecord(record({ recipient: gateway, mint: usdc.mint })));
    await pay(2n, withRecord(record({ recipient: shop, mint: gateway })));
    expect((await seen(any())).map(({ amount, trackingId }) => [amount, trackingId])).toEqual([
      [1n, null],
      [2n, null],
    ]);
  });

  it("is taken by a registration of its gateway, not of another one", async () => {
    await pay(1_000_000n, withRecord(record()));
    const other = (await generateKeyPairSigner()).address;
    expect(await seen([shop, { tributary: gateway }])).toEqual([whole({ match: { tributary: gateway } })]);
    expect(await seen([shop, { tributary: other }])).toEqual([whole({ match: {}, trackingId: null })]);
  });

  it("counts as what arrived, never as what it says: fees came off it", async () => {
    await pay(980_000n, withRecord(record({ amount: 1_000_000n })));
    expect(await seen(any())).toEqual([whole({ amount: 980_000n })]);
  });

  it("without a transfer is nothing", async () => {
    await node.ledger.send([transferSol(node.ledger.svm.payer.address, gateway, 2_000_000n)], {
      change: withRecord(record({ recipient: shop, mint: usdc.mint })),
    });
    expect(await seen(any())).toEqual([]);
  });

  it("of a payment to somebody else, in a transaction that also pays this wallet, is not about this transfer", async () => {
    // The call touches the fee payer only, none of the wallet's token accounts.
    await pay(5n, withCall(callLog([recordLine(record())]), { accounts: [0] }));
    expect(await seen(any())).toEqual([whole({ match: {}, amount: 5n, trackingId: null })]);
  });

  it("matches a payment that waits for the memo without a registration", async () => {
    await pay(1_000_000n, withRecord(record()));
    expect(await seen([shop, { memo: "sub-7" }])).toEqual([whole({ match: { memo: "sub-7" }, trackingId: null })]);
  });
});

describe("its memo", () => {
  it("may fill all 64 bytes, and be of any script", async () => {
    const memo = "ж".repeat(32);
    await pay(1_000_000n, withRecord(record({ memo })));
    expect(await seen(any())).toEqual([whole({ trackingId: memo })]);
  });

  it.each([
    ["is empty", Buffer.alloc(0)],
    ["is no UTF-8", Buffer.from([0xff, 0xfe, 0x41])],
    ["goes on behind a zero", Buffer.from("ab\0cd")],
    ["is cut off in the middle of a character", Buffer.from(`${"x".repeat(63)}ж`).subarray(0, 64)],
  ])("that %s makes no tracking id: the registration itself gets the transfer, and it is logged", async (_, memo) => {
    const txId = await pay(1_000_000n, withRecord(record({ memo })));
    expect(await seen(any())).toEqual([whole({ trackingId: null })]);
    expect(unusable).toEqual([txId]);
  });
});

describe("several records in one transaction", () => {
  it("part what arrived by their amounts, and what none of them accounts for stays with the wallet", async () => {
    const records = [record({ amount: 300n, memo: "a" }), record({ amount: 200n, memo: "b" })];
    await pay(510n, withRecord(...records));
    expect(await seen(any())).toEqual([
      whole({ amount: 300n, trackingId: "a" }),
      whole({ amount: 200n, trackingId: "b" }),
      whole({ amount: 10n, match: {}, trackingId: null }),
    ]);
  });

  it("never give more together than arrived", async () => {
    const records = [record({ amount: 300n, memo: "a" }), record({ amount: 200n, memo: "b" })];
    await pay(490n, withRecord(...records));
    expect((await seen(any())).map(({ amount }) => amount)).toEqual([294n, 196n]);
  });

  it("with the same memo are two transfers, told apart", async () => {
    await pay(500n, withRecord(record({ amount: 300n }), record({ amount: 200n })));
    const source = sourceOn(node, [usdc.token], { tributaryProgram: TRIBUTARY });
    const indexes = (await scan(node, source, any())).map(({ index }) => index);
    expect(indexes).toEqual([`spl:${usdc.mint}:${shop}:0`, `spl:${usdc.mint}:${shop}:1`]);
  });
});

describe("only what the program itself has logged counts:", () => {
  const OTHER = "Another111111111111111111111111111111111111";
  const line = () => recordLine(record());
  const plain = () => [whole({ match: {}, trackingId: null })];

  it.each<[string, () => string[]]>([
    ["a line outside of any call", () => [...callLog([]), line()]],
    ["a line of another program", () => [...callLog([]), ...callLog([line()], OTHER)]],
    ["a line of a program that it calls", () => callLog(callLog([line()], OTHER, 2))],
    ["text that looks like a line", () => callLog([`Program log: ${line()}`])],
    ["text that looks like a call", () => callLog([`Program log: Program ${TRIBUTARY} invoke [1]`, line()], OTHER)],
    ["text with a line break in it", () => callLog([`Program log: x\nProgram ${TRIBUTARY} invoke [1]`, line()], OTHER)],
    ["a call that failed", () => [`Program ${TRIBUTARY} invoke [1]`, line(), `Program ${TRIBUTARY} failed: custom`]],
    ["an event of another kind", () => callLog([`Program data: ${Buffer.alloc(156).toString("base64")}`])],
    ["an event of another length", () => callLog([`${line().replace(/=+$/, "").slice(0, -8)}`])],
    ["a call at a depth that does not fit", () => callLog([line()], TRIBUTARY, 3)],
  ])("%s is none", async (_, log) => {
    await pay(1_000_000n, withCall(log()));
    expect(await seen(any())).toEqual(plain());
  });

  it("a record in a call that another program makes is one", async () => {
    const log = callLog([...callLog([line()], TRIBUTARY, 2), recordLine(record({ memo: "forged" }))], OTHER);
    await pay(1_000_000n, withCall(log, { program: OTHER }));
    expect(await seen(any())).toEqual([whole()]);
  });

  it("a record in a call of which the transaction says nothing is none: its accounts are not known", async () => {
    await pay(1_000_000n, withCall(callLog(callLog([line()], TRIBUTARY, 2), OTHER)));
    expect(await seen(any())).toEqual(plain());
  });

  it("a record before the place at which the log was cut off is one", async () => {
    await pay(1_000_000n, withCall([`Program ${TRIBUTARY} invoke [1]`, line(), "Log truncated"]));
    expect(await seen(any())).toEqual([whole()]);
  });
});
