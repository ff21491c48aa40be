/** The scanner against `@scure/btc-signer`'s encodings: whatever that writes, is found; whatever is broken, is refused. */
import { createHash } from "node:crypto";
import { CompactSize, RawTx } from "@scure/btc-signer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MalformedBlock, readHeader, scanBlock } from "../../src/chains/bitcoin/block-scanner.ts";
import {
  type Interest,
  MalformedTransaction,
  outpointHexOf,
  scanTransaction,
} from "../../src/chains/bitcoin/transaction-scanner.ts";

type Raw = Parameters<typeof RawTx.encode>[0];

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytesOf = (min: number, max = min) => fc.uint8Array({ minLength: min, maxLength: max });
const PLAUSIBLE = [22, 23, 25, 34];
const script = fc.oneof(...PLAUSIBLE.map((length) => bytesOf(length)), bytesOf(0, 300));

const transaction: fc.Arbitrary<Raw> = fc
  .record({
    version: fc.integer({ min: 1, max: 2 }),
    inputs: fc.array(
      fc.record({
        txid: bytesOf(32),
        index: fc.integer({ min: 0, max: 0xfffffffe }),
        finalScriptSig: bytesOf(0, 110),
        sequence: fc.constantFrom(0, 0xfffffffd, 0xfffffffe, 0xffffffff),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    outputs: fc.array(fc.record({ amount: fc.bigInt({ min: 0n, max: 2_100_000_000_000_000n }), script }), {
      minLength: 1,
      maxLength: 5,
    }),
    witness: fc.option(fc.array(bytesOf(0, 80), { minLength: 1, maxLength: 3 }), { nil: null }),
    lockTime: fc.integer({ min: 0, max: 0xffffffff }),
  })
  .map(({ witness, ...rest }) => ({
    ...rest,
    segwitFlag: witness !== null,
    witnesses: rest.inputs.map(() => witness ?? []),
  }));

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function txIdOf(tx: Raw): string {
  const base = RawTx.encode({ ...tx, segwitFlag: false, witnesses: [] });
  return sha256(sha256(base)).reverse().toString("hex");
}

function encode(tx: Raw): Buffer {
  return Buffer.from(RawTx.encode(tx));
}

function interest(watched: Iterable<string>, spent: Iterable<string> = []): Interest {
  const [scripts, outpoints] = [new Set(watched), new Set([...spent].map(outpointHexOf))];
  return {
    watches: (recipient) => scripts.has(recipient),
    spends: (outpoint) => outpoints.has(outpoint),
    anySpends: outpoints.size > 0,
  };
}

const spendsOf = (tx: Raw) => tx.inputs.map(({ txid, index }) => `${hex(txid)}:${index}`);

function blockOf(transactions: readonly Raw[], header = Buffer.alloc(80, 1)): Buffer {
  return Buffer.concat([header, CompactSize.encode(BigInt(transactions.length)), ...transactions.map(encode)]);
}

describe("a scanned transaction", () => {
  it("has exactly the outputs to watched scripts, whatever else is in it", () => {
    fc.assert(
      fc.property(transaction, fc.nat(), (tx, choice) => {
        const wanted = tx.outputs[choice % tx.outputs.length] as Raw["outputs"][number];
        const found = scanTransaction(encode(tx), interest([hex(wanted.script)]));
        const expected = [...tx.outputs.entries()]
          .filter(([, output]) => PLAUSIBLE.includes(output.script.length) && hex(output.script) === hex(wanted.script))
          .map(([vout, output]) => ({ vout, amountAtomic: output.amount, recipient: hex(output.script) }));
        const whole = {
          txId: txIdOf(tx),
          outputs: expected,
          spends: spendsOf(tx),
          signalsReplaceability: tx.inputs.some(({ sequence }) => sequence < 0xfffffffe),
        };
        expect(found).toEqual(expected.length === 0 ? null : whole);
      }),
    );
  });

  it("is found by any outpoint that it spends", () => {
    fc.assert(
      fc.property(transaction, fc.nat(), (tx, choice) => {
        const spends = spendsOf(tx);
        const found = scanTransaction(encode(tx), interest([], [spends[choice % spends.length] as string]));
        expect(found).toMatchObject({ txId: txIdOf(tx), outputs: [], spends });
      }),
    );
  });

  it("is nothing when it concerns nobody", () => {
    fc.assert(
      fc.property(transaction, (tx) => {
        expect(scanTransaction(encode(tx), interest(["00".repeat(22)], [`${"00".repeat(32)}:7`]))).toBeNull();
      }),
    );
  });

  it("is refused with a clear error wherever it is cut off, and when something follows", () => {
    fc.assert(
      fc.property(transaction, fc.nat(), (tx, cut) => {
        const raw = encode(tx);
        const short = raw.subarray(0, cut % raw.length);
        expect(() => scanTransaction(short, interest([]))).toThrow(MalformedTransaction);
        expect(() => scanTransaction(Buffer.concat([raw, Buffer.alloc(1)]), interest([]))).toThrow(/1 bytes follow/);
      }),
    );
  });

  it("is read or refused, and nothing else, when its bytes are arbitrary or damaged", () => {
    const damaged = fc.tuple(transaction, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([tx, place, value]) => {
      const raw = encode(tx);
      raw[place % raw.length] = value;
      return raw;
    });
    fc.assert(
      fc.property(fc.oneof(damaged, bytesOf(0, 400).map(Buffer.from)), (raw) => {
        try {
          scanTransaction(Buffer.from(raw), { watches: () => true, spends: () => true, anySpends: true });
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedTransaction);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ["inputs", "02000000feffffffff"],
    ["inputs", "02000000ffffffffffffffffff"],
    ["outputs", `0200000001${"00".repeat(36)}00ffffffff${"feffffff7f"}`],
    ["witness items", `02000000000101${"00".repeat(36)}00ffffffff01${"00".repeat(9)}feffffff7f`],
  ])("with a hostile number of %s is refused at once", (_, raw) => {
    expect(() => scanTransaction(Buffer.from(raw, "hex"), interest([]))).toThrow(/more than fit|impossible/);
  });

  it("of a coinbase spends nothing, so that no two coinbases contradict each other", () => {
    const recipient = `0014${"ab".repeat(20)}`;
    const coinbase: Raw = {
      version: 2,
      segwitFlag: true,
      inputs: [
        { txid: new Uint8Array(32), index: 0xffffffff, finalScriptSig: new Uint8Array(5), sequence: 0xffffffff },
      ],
      outputs: [{ amount: 5_000_000_000n, script: Buffer.from(recipient, "hex") }],
      witnesses: [[new Uint8Array(32)]],
      lockTime: 0,
    };
    expect(scanTransaction(encode(coinbase), interest([recipient]))).toMatchObject({ spends: [] });
  });
});

describe("a scanned block", () => {
  it("gives the transactions that concern us, in its order", () => {
    fc.assert(
      fc.property(fc.array(transaction, { minLength: 1, maxLength: 12 }), fc.nat(), (transactions, choice) => {
        const wanted = transactions[choice % transactions.length] as Raw;
        const scripts = wanted.outputs.map((output) => hex(output.script));
        const watched = interest(scripts, [spendsOf(wanted)[0] as string]);
        const alone = transactions.map((tx) => scanTransaction(encode(tx), watched)).filter((found) => found !== null);
        expect(scanBlock(blockOf(transactions), watched)).toEqual(alone);
        expect(alone.map(({ txId }) => txId)).toContain(txIdOf(wanted));
      }),
      { numRuns: 50 },
    );
  });

  it("is refused wherever it is cut off, and when something follows", () => {
    fc.assert(
      fc.property(fc.array(transaction, { minLength: 1, maxLength: 4 }), fc.nat(), (transactions, cut) => {
        const raw = blockOf(transactions);
        expect(() => scanBlock(raw.subarray(0, cut % raw.length), interest([]))).toThrow(MalformedBlock);
        expect(() => scanBlock(Buffer.concat([raw, Buffer.alloc(3)]), interest([]))).toThrow(/3 bytes follow/);
      }),
      { numRuns: 50 },
    );
  });

  it("has the hash, parent and time of its header", () => {
    // The genesis block of mainnet.
    const header = Buffer.from(
      "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
      "hex",
    );
    expect(readHeader(header)).toEqual({
      hash: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
      previousHash: "00".repeat(32),
      timeMs: 1_231_006_505_000,
    });
    expect(() => readHeader(header.subarray(0, 79))).toThrow(MalformedBlock);
  });

  it("asks once per output that can be meant for anybody, however many scripts are watched", () => {
    const watched = new Set(
      Array.from({ length: 100_000 }, (_, place) => `0014${place.toString(16).padStart(40, "0")}`),
    );
    const outputs = Array.from({ length: 10_000 }, (_, place) => ({
      amount: 1n,
      script: Buffer.from(`0014${(place + 200_000).toString(16).padStart(40, "0")}`, "hex"),
    }));
    const input = { txid: new Uint8Array(32).fill(1), index: 0, finalScriptSig: new Uint8Array(0), sequence: 0 };
    const opReturn = { amount: 0n, script: Buffer.from("6a0401020304", "hex") };
    const tx: Raw = {
      version: 2,
      segwitFlag: false,
      inputs: [input],
      outputs: [...outputs, opReturn],
      witnesses: [],
      lockTime: 0,
    };
    let asked = 0;
    const found = scanBlock(blockOf([tx]), {
      watches: (recipient) => {
        asked += 1;
        return watched.has(recipient);
      },
      spends: () => {
        throw new Error("Nothing is followed, so no input is to be looked at.");
      },
      anySpends: false,
    });
    expect(found).toEqual([]);
    expect(asked).toBe(10_000);
  });
});
