/** The scenarios that every watcher passes, on a real full node that announces over ZMQ. */
import { bitcoinHarness } from "../../testkit/bitcoin-harness.ts";
import { testWatcher } from "../../testkit/watcher.ts";

testWatcher("the Bitcoin watcher with ZMQ", bitcoinHarness({ zmq: true }));
