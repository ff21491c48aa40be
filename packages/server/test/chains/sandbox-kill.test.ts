/** Real processes, killed with SIGKILL; promises 1 (append first) and 7 (exactly one effect) on the simulated chain. */
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSandboxCore, type SandboxCore } from "../../testkit/sandbox-core.ts";
import { type Death, spawnVictim, VICTIMS_AMOUNT, VICTIMS_PAYMENT } from "../../testkit/sandbox-victim.ts";

let dataDir: string;
let victim: ChildProcess | null = null;
let survivor: SandboxCore | null = null;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "paybell-kill-"));
});

afterEach(async () => {
  victim?.kill("SIGKILL");
  await survivor?.close();
  survivor = null;
  await rm(dataDir, { recursive: true });
});

/** Runs a victim until it is dead; `onLine` may kill it. Returns everything that it said. */
async function runVictim(death: Death, onLine: (said: readonly string[]) => void = () => undefined): Promise<string[]> {
  const child = spawnVictim(dataDir, death);
  victim = child;
  const exited = new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.once("exit", (_, signal) => resolve(signal));
    child.once("error", reject);
  });
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    said.push(line);
    onLine(said);
  }
  expect(await exited).toBe("SIGKILL");
  return said;
}

async function startAgain(): Promise<SandboxCore> {
  survivor = await openSandboxCore(dataDir);
  await survivor.watcher.settled();
  return survivor;
}

describe("a watcher that is killed with SIGKILL", () => {
  it.each([
    ["between reading a block and storing its cursor", "before-storing"],
    ["after storing a block, before it knows", "after-storing"],
  ] as const)("%s goes on without gap or duplicate", async (_, death) => {
    await runVictim(death);
    const { core, chain, watcher } = await startAgain();
    expect((await chain.view()).tip.height).toBe(1);
    await chain.mine(1);
    await watcher.settled();
    const records = await core.eventsOf(VICTIMS_PAYMENT);
    expect(records.map(({ type }) => type)).toEqual([
      "payment.created",
      "transfer.seen",
      "payment.confirming",
      "transfer.included",
      "transfer.confirmed",
      "payment.paid",
    ]);
    expect((await core.payment(VICTIMS_PAYMENT)).payment).toMatchObject({
      status: "paid",
      receivedAtomic: VICTIMS_AMOUNT,
      sequence: records.length,
    });
  });
});

describe("a sandbox that is killed with SIGKILL while it is busy", () => {
  it.each([7, 20, 33])("after line %s still has all that it said, each transfer once", async (lines) => {
    const said = await runVictim("never", (soFar) => {
      if (soFar.length === lines) victim?.kill("SIGKILL");
    });
    const { core, chain } = await startAgain();
    const idsOf = (verb: string) =>
      said.filter((line) => line.startsWith(`${verb} `)).map((line) => line.split(" ")[1]);
    const paid = idsOf("paid") as string[];
    expect(paid.length).toBeGreaterThan(0);
    expect(await chain.transactions(paid)).not.toContain(null);
    expect((await chain.view()).tip.height).toBeGreaterThanOrEqual(Number(idsOf("mined").at(-1)));

    const records = await core.eventsOf(VICTIMS_PAYMENT);
    expect(records.map(({ sequence }) => sequence)).toEqual(records.map((_, place) => place + 1));
    const seen = records.filter(({ type }) => type === "transfer.seen" || type === "transfer.included");
    const facts = seen.map(({ type, data }) => `${type} ${data.transfers[0]?.txId}`);
    expect(new Set(facts).size).toBe(facts.length);
    for (const txId of idsOf("told")) expect(facts).toContain(`transfer.seen ${txId}`);
    for (const txId of paid) expect(facts.filter((fact) => fact.endsWith(txId))).not.toEqual([]);
  });
});
