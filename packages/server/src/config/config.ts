/**
 * The configuration as the rest of the program sees it: complete, checked, frozen.
 * Meaning, default and environment name of each value are in `schema.ts`.
 */
import type { Limits } from "../kit/limits.ts";
import type { EvmChainConfig } from "./chains/evm.ts";
import type { SolanaChainConfig } from "./chains/solana.ts";
import type { SuiChainConfig } from "./chains/sui.ts";
import type { TronChainConfig } from "./chains/tron.ts";

export type Mode = "sandbox" | "live";

export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";

/** Bitcoin over bitcoind's JSON-RPC, with ZMQ where it is given. */
export interface BitcoinChainConfig {
  kind: "bitcoin";
  network: "mainnet" | "testnet" | "signet" | "regtest";
  rpcUrl: string;
  /** User and password, or the cookie file, or neither (a proxy that adds them). */
  rpcUser: string | null;
  rpcPassword: string | null;
  rpcCookieFile: string | null;
  /** ZMQ endpoints (`tcp://host:port`); `null`: polling only. */
  zmq: { rawtx: string; sequence: string } | null;
  confirmations: number;
  finalConfirmations: number;
  pollIntervalMs: number;
}

/** A chain that the merchant's own backend watches: transfers come by `POST /v1/observations`. */
export interface ExternalChainConfig {
  kind: "external";
  assets: readonly { symbol: string; decimals: number }[];
  confirmations: number;
  finalConfirmations: number;
}

export type ChainConfig =
  | BitcoinChainConfig
  | EvmChainConfig
  | SolanaChainConfig
  | SuiChainConfig
  | TronChainConfig
  | ExternalChainConfig;

/** What `POST /api/identipay/v1/proposals` makes of an amount. */
export interface IdentipayConfig {
  /** A chain of the configuration, or `sandbox`. */
  readonly chain: string;
  /** Currency of a proposal → asset of the chain. `null`: the chain's assets under their own names. */
  readonly currencies: Readonly<Record<string, string>> | null;
}

/** An app of the Pusher protocol. */
export interface PusherAppConfig {
  readonly id: string;
  readonly keys: readonly string[];
  readonly secret: string | null;
  /** 32 bytes. */
  readonly encryptionMasterKey: Buffer | null;
  /** Whose channels the secret signs for; `null`: everybody's. */
  readonly merchantId: string | null;
}

export interface Config {
  readonly mode: Mode;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Absolute path. */
  readonly dataDir: string;
  /** `postgres://…`, with its password; `null`: SQLite in `dataDir`. */
  readonly databaseUrl: string | null;
  /** `redis://…` or `rediss://…`, with its password; `null`: no bus between nodes. */
  readonly redisUrl: string | null;
  readonly redisPrefix: string;
  /** Paths of PEM files. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** Origins (`https://shop.example`) that may use keys and cookies from a browser. */
  readonly allowedOrigins: readonly string[];
  /** Addresses or CIDR ranges of the proxies whose `X-Forwarded-For` is believed. */
  readonly trustProxy: readonly string[];
  readonly logLevel: LogLevel;
  /** Others than this machine may use the sandbox. */
  readonly sandboxPublic: boolean;
  /** The sandbox chain mines a block every so often; 0: only on request. */
  readonly sandboxBlockMs: number;
  readonly limits: Limits;
  readonly chains: Readonly<Record<string, ChainConfig>>;
  /** Host name (lower case, without port) → merchant id. */
  readonly hosts: Readonly<Record<string, string>>;
  readonly defaults: { readonly expiresInSeconds: number; readonly monitoringSeconds: number };
  /** How far back wires without a cursor are replayed. */
  readonly replayWindowMs: number;
  /** At the end: how long others have to notice, and over how long clients are told to come back. */
  readonly drain: { readonly noticeMs: number; readonly spreadMs: number };
  /** What identiPay's proposals become; `null`: the sandbox's own coin, in live mode nothing. */
  readonly identipay: IdentipayConfig | null;
  /** The sandbox's own app included. */
  readonly pusher: { readonly apps: readonly PusherAppConfig[] };
}
