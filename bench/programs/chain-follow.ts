/**
 * The server from a chain's watcher to its log (real ingest, real SQLite) on a chain that goes on from a stored cursor:
 * how long until all of the node's blocks are reported. Prints the figures as JSON.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Position } from "../../packages/server/src/chains/following/position.ts";
import type { WatchSink } from "../../packages/server/src/chains/watcher.ts";
import { systemClock } from "../../packages/server/src/kit/clock.ts";
import { ServerCore } from "../../packages/server/testkit/server-core.ts";
import { FOLLOWED } from "../chains/all.ts";
import type { Beginning } from "../chains/followed-chain.ts";

const { values } = parseArgs({
  options: {
    chain: { type: "string" },
    node: { type: "string" },
    watched: { type: "string" },
    paid: { type: "string" },
  },
});
const chain = FOLLOWED[values.chain ?? ""];
if (!chain) throw new Error(`There is no chain ${values.chain}.`);
const { settings, begin, headHeight } = JSON.parse(values.node ?? "") as {
  settings: unknown;
  begin: Beginning;
  headHeight: number;
};
const watched = new Set<string>();
const watcher = chain.open(settings, systemClock);
const dataDir = mkdtempSync(join(tmpdir(), "paybell-follow-"));
const core = await ServerCore.open(dataDir, watcher.facts, systemClock);
for (let index = 0; index < Number(values.watched); index += 1) {
  watched.add(watcher.facts.recipientOf(chain.address(index)));
}
// Those that are paid have payments; the others are keys of which there may be any number.
const asset = watcher.facts.assets[0]?.symbol ?? "";
for (let index = 0; index < Number(values.paid); index += 1) {
  await core.create({ asset, amountAtomic: null, address: chain.address(index) });
}
const position: Position = { blocks: [begin], timeMs: begin.timeMs, countedHeight: begin.height };
let reported = begin.height;
let observations = 0;
const inner = core.sink;
const sink: WatchSink = {
  watches: (key) => watched.has(key) || inner.watches(key),
  refresh: async () => undefined,
  cursor: async () => position,
  openTransfers: () => inner.openTransfers(),
  apply: async (report) => {
    await inner.apply(report);
    observations += report.observations.length;
    if (report.cursor !== null) reported = (report.cursor as Position).blocks[0]?.height ?? reported;
  },
};
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
await watcher.start(sink);
while (reported < headHeight) await delay(2);
const seconds = (performance.now() - startedAt) / 1_000;
const { user, system } = process.cpuUsage(cpuBefore);
await watcher.stop();
await core.close();
rmSync(dataDir, { recursive: true, force: true });
console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, observations, watched: watched.size }));
