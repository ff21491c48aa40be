/**
 * A process that is killed with SIGKILL while it watches the simulated chain: at a chosen step of its own (`dieAt`), or
 * whenever somebody wishes while it is busy. Source: DESIGN.md, promises 1 and 7.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { WatchSink } from "../src/chains/watcher.ts";
import { openSandboxCore } from "./sandbox-core.ts";

/** `before-storing`: it has read a block with a transfer and built the report; `after-storing`: the report is stored and
 * the watcher does not know it yet; `never`: it pays and mines until somebody ends it, and says so on its output. */
export type Death = "before-storing" | "after-storing" | "never";

/** The payment that the victim makes: standing for `never`, otherwise of this amount. */
export const VICTIMS_PAYMENT = "11111111-1111-4111-8111-111111111111";
export const VICTIMS_AMOUNT = 500_000n;

export function spawnVictim(dataDir: string, death: Death): ChildProcess {
  const script = fileURLToPath(import.meta.url);
  return spawn(process.execPath, ["--conditions=@paybell/source", script, dataDir, death], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

const die = (): Promise<never> => {
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => undefined);
};

function mortal(sink: WatchSink, death: Death): WatchSink {
  return {
    watches: (recipient) => sink.watches(recipient),
    refresh: () => sink.refresh(),
    cursor: () => sink.cursor(),
    openTransfers: () => sink.openTransfers(),
    async apply(report) {
      const isTheMoment = death !== "never" && report.observations.some(({ status }) => status === "included");
      if (isTheMoment && death === "before-storing") await die();
      await sink.apply(report);
      if (isTheMoment) await die();
    },
  };
}

async function live(dataDir: string, death: Death): Promise<void> {
  const { core, chain, watcher } = await openSandboxCore(dataDir, (sink) => mortal(sink, death));
  const amountAtomic = death === "never" ? null : VICTIMS_AMOUNT;
  const { payment } = await core.create({ id: VICTIMS_PAYMENT, asset: "SBX", amountAtomic, confirmations: 2 });
  do {
    const recipient = payment.recipient as string;
    const txId = await chain.pay({ recipient, asset: "SBX", amountAtomic: VICTIMS_AMOUNT });
    process.stdout.write(`paid ${txId}\n`);
    await watcher.settled();
    process.stdout.write(`told ${txId}\n`);
    process.stdout.write(`mined ${await chain.mine(1)}\n`);
  } while (death === "never");
  await watcher.settled();
}

if (import.meta.main) await live(process.argv[2] as string, process.argv[3] as Death);
