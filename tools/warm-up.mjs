/**
 * Run by `npm install`: compiles the program once and keeps the result, so that the first `npm start` is as quick as
 * every later one. Plain JavaScript, because an install without development dependencies may run it on an older Node.
 */
import * as module from "node:module";

try {
  module.enableCompileCache();
  await import("../packages/server/src/cli/program.ts");
  module.flushCompileCache();
} catch {
  // An older Node, or dependencies left out: the first start is slower, nothing more.
}
