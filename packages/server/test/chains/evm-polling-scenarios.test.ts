/** The scenarios that every watcher passes, on the real anvil, as most providers are: no mempool, no pushes. */
import { evmHarness } from "../../testkit/evm-harness.ts";
import { testWatcher } from "../../testkit/watcher.ts";

testWatcher("the EVM watcher without a mempool", evmHarness("ETH", { mempool: false, batchSize: 1 }));
