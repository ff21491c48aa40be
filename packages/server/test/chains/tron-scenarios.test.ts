/** The scenarios that every watcher passes, on a simulated full node behind java-tron's HTTP interface. */
import { tronHarness } from "../../testkit/tron-harness.ts";
import { testWatcher } from "../../testkit/watcher.ts";

testWatcher("TRON", tronHarness);
