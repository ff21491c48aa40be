/** Solana through the scenarios that every watcher passes: real transactions on the real virtual machine. */
import { solanaHarness } from "../../testkit/solana-harness.ts";
import { testWatcher } from "../../testkit/watcher.ts";

testWatcher("Solana", solanaHarness);
