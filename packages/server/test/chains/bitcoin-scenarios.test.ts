/** The scenarios that every watcher passes, on a real full node: once woken by ZMQ, once with nothing but polling. */
import { describe } from "vitest";
import { bitcoinHarness } from "../../testkit/bitcoin-harness.ts";
import { testWatcher } from "../../testkit/watcher.ts";

describe("with ZMQ", () => testWatcher("the Bitcoin watcher", bitcoinHarness({ zmq: true })));
describe("without ZMQ", () => testWatcher("the Bitcoin watcher", bitcoinHarness({ zmq: false })));
