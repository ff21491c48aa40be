/** The program of `sqlite-process.ts`. */
import { appendForEver } from "./append-storm.ts";
import { keepShopForEver } from "./shop-storm.ts";
import { openSqlite, storesOn } from "./sqlite-home.ts";
import type { Task } from "./sqlite-process.ts";

const [dataDir, task] = process.argv.slice(2) as [string, Task];
if (task === "shop") await keepShopForEver(dataDir);
const database = await openSqlite(dataDir, { exclusive: true });
if (task === "append") await appendForEver(storesOn(database));
process.stdout.write("open\n");
