/** The scenarios that every watcher passes, on a real full node that is only polled. */
import { bitcoinHarness } from "../../testkit/bitcoin-harness.ts";
import { testWatcher } from "../../testkit/watcher.ts";

testWatcher("the Bitcoin watcher without ZMQ", bitcoinHarness({ zmq: false }));
