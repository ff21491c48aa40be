import { sandboxHarness } from "../../testkit/sandbox-harness.ts";
import { testWatcher } from "../../testkit/watcher.ts";

testWatcher("the sandbox watcher", sandboxHarness);
