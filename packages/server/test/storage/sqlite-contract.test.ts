import { testEventLog } from "../../testkit/event-log.ts";
import { makeSqliteHome } from "../../testkit/sqlite-home.ts";

testEventLog("SQLite", { twoInstances: true }, makeSqliteHome);
