/** Rules that concern several settings at once. */
import { isIP } from "node:net";
import type { LimitName } from "../kit/limits.ts";
import { checkEvm } from "./chains/evm.ts";
import { checkSolana } from "./chains/solana.ts";
import { checkSui } from "./chains/sui.ts";
import { checkTron } from "./chains/tron.ts";
import type { ChainConfig, Config } from "./config.ts";
import type { ConfigProblem } from "./config-error.ts";
import { checkIdentipay } from "./identipay.ts";
import { checkPusher } from "./pusher.ts";

/** The name of the simulated chain. */
const SANDBOX_CHAIN = "sandbox";

type WhereOf = (path: string) => string;

/** What the checks need and the finished configuration no longer tells. */
export interface Given {
  tls: { certFile?: string; keyFile?: string };
}

export function checkConfig(config: Config, given: Given, whereOf: WhereOf): ConfigProblem[] {
  const { tls } = given;
  return [
    ...checkTls(tls, whereOf),
    ...checkSandbox(config, whereOf),
    ...checkRedis(config, whereOf),
    ...checkLimits(config, whereOf),
    ...checkProxies(config, whereOf),
    ...Object.entries(config.chains).flatMap(([name, chain]) => checkChain(name, chain, whereOf)),
    ...checkIdentipay(config, whereOf),
    ...checkPusher(config, whereOf),
  ];
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function checkSandbox({ mode, host, sandboxPublic }: Config, whereOf: WhereOf): ConfigProblem[] {
  if (mode !== "sandbox" || sandboxPublic || isLoopback(host)) return [];
  return [
    {
      where: whereOf("host"),
      what: `the sandbox does not listen on ${host}: everybody knows its keys`,
      whatToDo: "Use 127.0.0.1, or set PAYBELL_SANDBOX_PUBLIC=1 where only people you trust can reach it.",
    },
  ];
}

function checkRedis({ databaseUrl, redisUrl }: Config, whereOf: WhereOf): ConfigProblem[] {
  if (redisUrl === null) return [];
  const where = whereOf("redisUrl");
  if (!isRedisAddress(redisUrl)) return [{ where, what: "is no address of a Redis server", whatToDo: REDIS_ADDRESS }];
  if (databaseUrl !== null) return [];
  const what = "Redis carries events between nodes, and SQLite has one process, which needs no bus";
  return [
    { where, what, whatToDo: "Leave it out, or let the nodes share a PostgreSQL database (PAYBELL_DATABASE_URL)." },
  ];
}

const REDIS_ADDRESS =
  "Allowed: an address like redis://user:password@host:6379/0; characters of a password that mean something in a URL are written as %XX.";

function isRedisAddress(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  try {
    return decodeURIComponent(username + password) !== null;
  } catch {
    // A lone % in it.
    return false;
  }
}

/** Limits that only make sense together: the first of each pair is at most, or (`below`) less than the second. */
const ORDERED: readonly { low: LimitName; high: LimitName; below: boolean; why: string }[] = [
  {
    low: "handshakeTimeoutMs",
    high: "requestTimeoutMs",
    below: false,
    why: "the head is a part of the request",
  },
  { low: "longPollMs", high: "responseTimeoutMs", below: true, why: "whoever waits for events would be cut off" },
  { low: "pingIntervalMs", high: "responseTimeoutMs", below: true, why: "quiet SSE clients would be cut off" },
];

function checkLimits({ limits }: Config, whereOf: WhereOf): ConfigProblem[] {
  return ORDERED.filter(({ low, high, below }) => limits[low] > limits[high] - (below ? 1 : 0)).map(
    ({ low, high, below, why }) => ({
      where: whereOf(`limits.${low}`),
      what: `${low} (${limits[low]} ms) is ${below ? "not less" : "more"} than ${high} (${limits[high]} ms): ${why}`,
      whatToDo: `Lower ${low}, or raise limits.${high}.`,
    }),
  );
}

function checkTls({ certFile, keyFile }: Given["tls"], whereOf: WhereOf): ConfigProblem[] {
  if ((certFile === undefined) === (keyFile === undefined)) return [];
  const [given, missing] = certFile === undefined ? ["keyFile", "certFile"] : ["certFile", "keyFile"];
  const variable = missing === "keyFile" ? "PAYBELL_TLS_KEY" : "PAYBELL_TLS_CERT";
  const whatToDo = `Set ${variable} (tls.${missing}) too, or neither.`;
  return [{ where: whereOf(`tls.${given}`), what: "a certificate and its key belong together", whatToDo }];
}

function checkProxies({ trustProxy }: Config, whereOf: WhereOf): ConfigProblem[] {
  return trustProxy.flatMap((range, place) => {
    const [address = "", prefix] = range.split("/");
    const bits = isIP(address) === 6 ? 128 : 32;
    if (isIP(address) !== 0 && (prefix === undefined || Number(prefix) <= bits)) return [];
    const where = whereOf(`trustProxy[${place}]`);
    return [{ where, what: `"${range}" is no address or range`, whatToDo: "Allowed: like 10.0.0.1 or 10.0.0.0/8." }];
  });
}

function checkChain(name: string, chain: ChainConfig, whereOf: WhereOf): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const add = (key: string, what: string, whatToDo: string) =>
    problems.push({ where: whereOf(`chains.${name}${key}`), what, whatToDo });
  if (name === SANDBOX_CHAIN) add("", "the name belongs to the simulated chain", "Give the chain another name.");
  if (chain.finalConfirmations < chain.confirmations) {
    add(
      ".finalConfirmations",
      `${chain.finalConfirmations} is less than confirmations (${chain.confirmations})`,
      "A payment is paid before it is final: raise it.",
    );
  }
  if (chain.kind === "evm") for (const { key, what, whatToDo } of checkEvm(chain)) add(key, what, whatToDo);
  if (chain.kind === "solana") for (const { key, what, whatToDo } of checkSolana(chain)) add(key, what, whatToDo);
  if (chain.kind === "sui") for (const { key, what, whatToDo } of checkSui(chain)) add(key, what, whatToDo);
  if (chain.kind === "tron") for (const { key, what, whatToDo } of checkTron(chain)) add(key, what, whatToDo);
  if (chain.kind === "bitcoin") {
    if (!URL.canParse(chain.rpcUrl)) add(".rpcUrl", "is no URL", "Allowed: a URL like http://127.0.0.1:8332.");
    if ((chain.rpcUser === null) !== (chain.rpcPassword === null)) {
      add(".rpcUser", "rpcUser and rpcPassword belong together", "Give both, or rpcCookieFile alone.");
    }
    if (chain.rpcUser !== null && chain.rpcCookieFile !== null) {
      add(".rpcCookieFile", "is given together with rpcUser", "Give one of the two.");
    }
  }
  return problems;
}
