/** The scripts that a page includes: the browser builds of the official clients, at the versions that are tested. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

export const SOCKET_IO_BUILDS: Readonly<Record<string, () => string>> = {
  "4.0": () => fileOf("socket.io-client-4.0", "dist/socket.io.min.js"),
  "4.5": () => fileOf("socket.io-client-4.5", "dist/socket.io.min.js"),
  "4.8": () => fileOf("socket.io-client", "dist/socket.io.min.js"),
};

/** The build with encrypted channels is the other one and more. */
const PUSHER_BUILD = "dist/web/pusher-with-encryption.min.js";

export const PUSHER_BUILDS: Readonly<Record<string, () => string>> = {
  "7.0": () => fileOf("pusher-js-7.0", PUSHER_BUILD),
  "8.0": () => fileOf("pusher-js-8.0", PUSHER_BUILD),
  newest: () => fileOf("pusher-js", PUSHER_BUILD),
};

function fileOf(name: string, path: string): string {
  return readFileSync(join(dirname(require.resolve(`${name}/package.json`)), path), "utf8");
}
