/** The scenarios that every watcher passes, on the real anvil, in the network's own coin. */
import { evmHarness } from "../../testkit/evm-harness.ts";
import { testWatcher } from "../../testkit/watcher.ts";

testWatcher("the EVM watcher with a mempool", evmHarness("ETH"));
