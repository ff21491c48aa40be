/**
 * Scans one block of 10,000 outputs again and again against a watch list, with the server's own scanner and list, and
 * prints the times as JSON. A process of its own: nothing else is on its heap.
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { scanBlock } from "../../packages/server/src/chains/bitcoin/block-scanner.ts";
import { WatchedKeys } from "../../packages/server/src/ingest/watched-keys.ts";

const OUTPUTS_PER_TRANSACTION = 2;
/** Payments in the block. */
const PAID = 10;
/** Inputs of transactions that are followed in the mempool. */
const FOLLOWED_SPENDS = 1_000;

const { values } = parseArgs({
  options: { watched: { type: "string" }, outputs: { type: "string" }, scans: { type: "string" } },
});
const outputs = Number(values.outputs);
const watched = Number(values.watched);

const keys = new WatchedKeys({
  chain: "bitcoin",
  store: { watchedRecipients: async () => [], progress: async () => null },
  keyLog: null,
  onAnnounced: () => undefined,
  onError: console.error,
});
for (let index = 0; index < watched; index += 1) keys.add(script("watched", index).toString("hex"));
const spends = new Set(
  Array.from({ length: FOLLOWED_SPENDS }, (_, index) => outpoint("followed", index).toString("hex")),
);
const interest = {
  watches: (recipient: string) => keys.has(recipient),
  spends: (outpointHex: string) => spends.has(outpointHex),
  anySpends: true,
};
const block = makeBlock();

const timesMs = Array.from({ length: Number(values.scans) }, () => {
  const started = performance.now();
  const found = scanBlock(block, interest);
  const tookMs = performance.now() - started;
  if (found.length !== PAID) throw new Error(`${found.length} transactions were found, not ${PAID}.`);
  return tookMs;
});
console.log(JSON.stringify({ timesMs, blockBytes: block.length }));

function digest(name: string, index: number): Buffer {
  return createHash("sha256").update(`${name} ${index}`).digest();
}

/** P2WPKH. */
function script(name: string, index: number): Buffer {
  return Buffer.concat([Buffer.from("0014", "hex"), digest(name, index).subarray(0, 20)]);
}

function outpoint(name: string, index: number): Buffer {
  return Buffer.concat([digest(name, index), Buffer.alloc(4)]);
}

function output(recipient: Buffer): Buffer {
  const value = Buffer.alloc(8);
  value.writeBigUInt64LE(150_000n);
  return Buffer.concat([value, Buffer.from([recipient.length]), recipient]);
}

/** One input, two outputs, one signature: what most transactions are. */
function transaction(index: number, recipients: readonly Buffer[]): Buffer {
  return Buffer.concat([
    Buffer.from("02000000" + "0001" + "01", "hex"),
    outpoint("spent", index),
    Buffer.from("00" + "ffffffff", "hex"),
    Buffer.from([recipients.length]),
    ...recipients.map(output),
    Buffer.from([2, 71]),
    Buffer.alloc(71, 0x30),
    Buffer.from([33]),
    Buffer.alloc(33, 0x02),
    Buffer.alloc(4),
  ]);
}

function makeBlock(): Buffer {
  const count = Math.ceil(outputs / OUTPUTS_PER_TRANSACTION);
  const head = Buffer.alloc(83);
  head[80] = 0xfd;
  head.writeUInt16LE(count, 81);
  const paysEvery = Math.floor(count / PAID);
  const transactions = Array.from({ length: count }, (_, index) => {
    const paid = index % paysEvery === 0 && index / paysEvery < PAID;
    return transaction(index, [paid ? script("watched", index) : script("other", index), script("change", index)]);
  });
  return Buffer.concat([head, ...transactions]);
}
