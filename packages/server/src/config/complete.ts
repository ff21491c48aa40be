/** From the checked tree to the configuration: defaults filled in, paths made absolute. */
import { defaultLimits } from "../kit/limits.ts";
import { chainKinds } from "./chain-schema.ts";
import { completeEvm } from "./chains/evm.ts";
import { completeSolana } from "./chains/solana.ts";
import { completeSui } from "./chains/sui.ts";
import { completeTron } from "./chains/tron.ts";
import type { Given } from "./checks.ts";
import type { ChainConfig, Config, IdentipayConfig, LogLevel, Mode } from "./config.ts";
import type { Tree } from "./layers.ts";
import { completePusher } from "./pusher.ts";
import { SETTINGS } from "./settings.ts";

const QUICK_DRAIN = { noticeMs: 0, spreadMs: 1_000 } as const;
const PATIENT_DRAIN = { noticeMs: 5_000, spreadMs: 10_000 } as const;

type PathResolver = (path: string) => string;

/** The tree has passed the schema. */
export function completeConfig(tree: Tree, absolute: PathResolver): { config: Config; given: Given } {
  const value = <T>(name: string): T => valueAt(tree, name) as T;
  const tls: Given["tls"] = tree.tls ?? {};
  const config: Config = {
    mode: value<Mode>("mode"),
    host: value<string>("host"),
    port: value<number>("port"),
    dataDir: absolute(value<string>("dataDir")),
    databaseUrl: value<string | undefined>("databaseUrl") ?? null,
    redisUrl: value<string | undefined>("redisUrl") ?? null,
    redisPrefix: value<string>("redisPrefix"),
    tls:
      tls.certFile !== undefined && tls.keyFile !== undefined
        ? { certFile: absolute(tls.certFile), keyFile: absolute(tls.keyFile) }
        : null,
    allowedOrigins: value<string[]>("allowedOrigins"),
    trustProxy: value<string[]>("trustProxy"),
    logLevel: value<LogLevel | undefined>("logLevel") ?? (value<Mode>("mode") === "sandbox" ? "warn" : "info"),
    sandboxPublic: value<boolean>("sandboxPublic"),
    sandboxBlockMs: value<number>("sandboxBlockMs"),
    limits: { ...defaultLimits, ...(tree.limits as object | undefined) },
    chains: completeChains((tree.chains ?? {}) as Record<string, Tree>, absolute),
    hosts: (tree.hosts ?? {}) as Record<string, string>,
    defaults: {
      expiresInSeconds: value<number>("defaults.expiresInSeconds"),
      monitoringSeconds: value<number>("defaults.monitoringSeconds"),
    },
    replayWindowMs: value<number>("replayWindowMs"),
    drain: completeDrain(tree),
    identipay: completeIdentipay(tree.identipay as Partial<IdentipayConfig> | undefined),
    pusher: completePusher(tree.pusher as Tree | undefined, value<Mode>("mode")),
  };
  return { config: Object.freeze(config), given: { tls } };
}

/** Where there are other nodes, clients are sent to them without haste; a lone process ends as soon as it can. */
function completeDrain(tree: Tree): Config["drain"] {
  const hasPeers = valueAt(tree, "mode") === "live" && valueAt(tree, "databaseUrl") !== undefined;
  const defaults = hasPeers ? PATIENT_DRAIN : QUICK_DRAIN;
  return {
    noticeMs: (valueAt(tree, "drainNoticeMs") as number | undefined) ?? defaults.noticeMs,
    spreadMs: (valueAt(tree, "drainMs") as number | undefined) ?? defaults.spreadMs,
  };
}

function completeIdentipay(given: Partial<IdentipayConfig> | undefined): IdentipayConfig | null {
  return given?.chain === undefined ? null : { chain: given.chain, currencies: given.currencies ?? null };
}

function valueAt(tree: Tree, name: string): unknown {
  const path = name.split(".");
  const given = path.reduce<unknown>((branch, part) => (branch as Tree | undefined)?.[part], tree);
  if (given !== undefined) return given;
  return structuredClone(SETTINGS.find((setting) => setting.path.join(".") === name)?.default);
}

function completeChains(chains: Record<string, Tree>, absolute: PathResolver): Record<string, ChainConfig> {
  return Object.fromEntries(
    Object.entries(chains).map(([name, chain]) => {
      const kind = chain.kind as keyof typeof chainKinds;
      const complete = { ...defaultsOf(kind), ...chain };
      return [name, completeChain(kind, complete, absolute)];
    }),
  );
}

function completeChain(kind: keyof typeof chainKinds, chain: Tree, absolute: PathResolver): ChainConfig {
  switch (kind) {
    case "bitcoin":
      return completeBitcoin(chain, absolute);
    case "evm":
      return completeEvm(chain);
    case "solana":
      return completeSolana(chain);
    case "sui":
      return completeSui(chain);
    case "tron":
      return completeTron(chain);
    default:
      return chain as unknown as ChainConfig;
  }
}

function completeBitcoin(chain: Tree, absolute: PathResolver): ChainConfig {
  const { rpcCookieFile = null } = chain as { rpcCookieFile?: string | null };
  return {
    rpcUser: null,
    rpcPassword: null,
    zmq: null,
    ...chain,
    rpcCookieFile: rpcCookieFile === null ? null : absolute(rpcCookieFile),
  } as unknown as ChainConfig;
}

function defaultsOf(kind: keyof typeof chainKinds): Tree {
  const properties = chainKinds[kind].properties as Record<string, { default?: unknown }>;
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, schema]) =>
      schema.default === undefined ? [] : [[name, schema.default]],
    ),
  );
}
