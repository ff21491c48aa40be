/** The scenarios that every watcher passes, on the real anvil, in an ERC-20 token whose balances are checked. */
import { evmHarness } from "../../testkit/evm-harness.ts";
import { testWatcher } from "../../testkit/watcher.ts";

testWatcher("the EVM watcher paid in a token", evmHarness("USDT"));
