/** The simulated chain, its watcher and the server core on one directory, as `main.ts` puts them together. */
import { SandboxChain } from "../src/chains/sandbox/chain.ts";
import { sandboxFacts } from "../src/chains/sandbox/facts.ts";
import { SandboxWatcher } from "../src/chains/sandbox/sandbox-watcher.ts";
import type { WatchSink } from "../src/chains/watcher.ts";
import { systemClock } from "../src/kit/clock.ts";
import { SqliteSandboxLedger } from "../src/storage/sqlite/sandbox-ledger.ts";
import { ServerCore } from "./server-core.ts";

export interface SandboxCore {
  core: ServerCore;
  chain: SandboxChain;
  watcher: SandboxWatcher;
  close(): Promise<void>;
}

/** @param wrapSink what is put between the watcher and the core */
export async function openSandboxCore(
  dataDir: string,
  wrapSink: (sink: WatchSink) => WatchSink = (sink) => sink,
): Promise<SandboxCore> {
  const clock = systemClock;
  const core = await ServerCore.open(dataDir, sandboxFacts, clock);
  const ledger = new SqliteSandboxLedger(core.database);
  const chain = await SandboxChain.open({ ledger, clock, blockIntervalMs: 0 });
  const watcher = new SandboxWatcher({ node: chain, clock });
  core.tell(watcher);
  await watcher.start(wrapSink(core.sink));
  return {
    core,
    chain,
    watcher,
    async close() {
      await watcher.stop();
      await chain.close();
      await core.close();
    },
  };
}
