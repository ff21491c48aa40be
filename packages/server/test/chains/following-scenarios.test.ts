import { followingHarness } from "../../testkit/sandbox-harness.ts";
import { testWatcher } from "../../testkit/watcher.ts";

testWatcher("the follower of linked blocks", followingHarness({ mempool: true }));
testWatcher("the follower of linked blocks without a mempool", followingHarness({ mempool: false }));
