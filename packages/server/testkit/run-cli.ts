/** `paybell …` as a program of its own, without the developer's own settings. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { withoutPaybell } from "./environment.ts";

const CLI = fileURLToPath(new URL("../src/cli/paybell.ts", import.meta.url));

/** The last line of its standard output: an id, a key or an address.
 * @throws where it ends with another code than 0 */
export async function runCli(args: string[]): Promise<string> {
  const env = withoutPaybell();
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ["--conditions=@paybell/source", CLI, ...args], { env });
  return stdout.trim().split("\n").at(-1) ?? "";
}
