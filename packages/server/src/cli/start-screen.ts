/** The first thing that a user sees: where everything is, and two commands that show it working. */
import { createColors } from "picocolors";
import type { Config } from "../config/config.ts";
import { SANDBOX_PUSHER_APP } from "../config/pusher.ts";
import { SANDBOX_ACCESS_TOKEN, SANDBOX_PUBLISHABLE_KEY, SANDBOX_SECRET_KEY } from "../http/keys.ts";
import { withoutPassword } from "../kit/without-password.ts";
import type { ProtocolPath } from "./protocol-paths.ts";

export interface StartScreen {
  version: string;
  config: Pick<Config, "mode" | "dataDir" | "databaseUrl">;
  url: string;
  protocols: readonly ProtocolPath[];
  /** Chains that are watched, and what is wrong with them. */
  chains: readonly { chain: string; problem: string | null }[];
  colours: boolean;
}

const LABEL_WIDTH = 14;

export function startScreen({ version, config, url, protocols, chains, colours }: StartScreen): string {
  const { bold, dim, cyan, yellow } = createColors(colours);
  const row = (label: string, value: string) => `  ${dim(label.padEnd(LABEL_WIDTH))}${value}`;
  const sandbox = config.mode === "sandbox";
  const lines = [
    "",
    `  ${bold("Paybell")} ${version}  ${sandbox ? yellow("sandbox") : cyan("live")}`,
    "",
    row("URL", bold(url)),
    row("Data", config.databaseUrl === null ? config.dataDir : withoutPassword(config.databaseUrl)),
    ...(sandbox ? [] : chainRows(chains, yellow).map((text) => row("Chain", text))),
    ...(sandbox ? keyRows().map(([label, key]) => row(label, key)) : []),
    "",
    ...protocols.map(({ name, scheme, method, path }) => {
      const base = scheme === "ws" ? url.replace(/^http/, "ws") : url;
      return row(name, `${method ? dim(`${method} `) : ""}${base}${path}`);
    }),
    "",
    ...(sandbox ? tryIt(url, { dim, yellow }) : []),
    dim("  Events appear below. Ctrl-C stops."),
    "",
    "",
  ];
  return lines.join("\n");
}

function keyRows(): readonly (readonly [string, string])[] {
  return [
    ["Secret key", SANDBOX_SECRET_KEY],
    ["Publishable", SANDBOX_PUBLISHABLE_KEY],
    ["Access token", SANDBOX_ACCESS_TOKEN],
    ["Pusher key", SANDBOX_PUSHER_APP.keys.join(" or ")],
  ];
}

/** In live mode nobody should take a server for ready that watches nothing. */
function chainRows(chains: StartScreen["chains"], warn: (text: string) => string): string[] {
  if (chains.length === 0) return [warn("none is watched: name them under `chains` in paybell.config.json")];
  return chains.map(({ chain, problem }) => (problem === null ? chain : warn(`${chain} is not watched: ${problem}`)));
}

interface Colours {
  dim: (text: string) => string;
  yellow: (text: string) => string;
}

function tryIt(url: string, { dim }: Colours): string[] {
  return [
    dim("  # Make a payment of 1.5 SBX, pay it, and mine the two blocks that confirm it:"),
    ...curlLines(url).map((line) => `  ${line}`),
    "",
  ];
}

/** Shell commands that work as they stand. The id is the first string in the answer: `{"id":"…`. */
export function curlLines(url: string): string[] {
  const post = (path: string) =>
    `curl -s ${url}${path} -H 'Authorization: Bearer ${SANDBOX_SECRET_KEY}' -H 'Content-Type: application/json'`;
  return [
    `ID=$(${post("/v1/payments")} -d '{"amount":"1500000","asset":"SBX","chain":"sandbox"}' | cut -d'"' -f4); echo "$ID"`,
    `${post("/v1/sandbox/pay")} -d '{"paymentId":"'"$ID"'"}'; echo`,
    `${post("/v1/sandbox/mine")} -d '{"blocks":2}'; echo`,
  ];
}
