/** The scenarios of every watcher, on a simulated Sui node that the genuine client reads. */
import { suiHarness } from "../../testkit/sui-harness.ts";
import { testWatcher } from "../../testkit/watcher.ts";

testWatcher("Sui", suiHarness);
