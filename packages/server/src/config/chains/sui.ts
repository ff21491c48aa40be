/** A chain of the kind `sui`. */
import { Type } from "typebox";
import { ALLOWED } from "../../kit/strict-schema.ts";
import {
  confirmations,
  decimals,
  endpoints,
  headers,
  httpUrl,
  maxSilenceMs,
  noUrl,
  pollIntervalMs,
  type SettingProblem,
  strict,
  symbol,
} from "./common.ts";

/** Sui over gRPC-web. */
export interface SuiChainConfig {
  kind: "sui";
  network: "mainnet" | "testnet" | "devnet" | "localnet";
  /** Digest of the genesis checkpoint; `null`: the network's own. */
  chainId: string | null;
  endpoints: readonly { url: string; headers?: Readonly<Record<string, string>> }[];
  /** Beside SUI. */
  coins: readonly { coinType: string; symbol: string; decimals: number }[];
  /** `null`: an intent hash counts in whatever package's event it is. */
  settlementPackages: readonly string[] | null;
  confirmations: number;
  finalConfirmations: number;
  pollIntervalMs: number;
  maxSilenceMs: number;
}

const Endpoint = Type.Object(
  { url: httpUrl("https://fullnode.mainnet.example:443", "gRPC-web of a full node (sui.rpc.v2)."), headers },
  strict,
);

const Coin = Type.Object(
  {
    coinType: Type.String({
      pattern: "^0x[0-9a-fA-F]{1,64}::[A-Za-z_][A-Za-z0-9_]*::[A-Za-z_][A-Za-z0-9_]*(<.+>)?$",
      maxLength: 128,
      [ALLOWED]: "a coin type like 0x2::sui::SUI",
      description: "The coin's type, by which alone it is known. Every way of writing its address is the same.",
    }),
    symbol,
    decimals,
  },
  strict,
);

export const Sui = Type.Object(
  {
    kind: Type.Literal("sui"),
    network: Type.Unsafe<string>({ type: "string", enum: ["mainnet", "testnet", "devnet", "localnet"] }),
    chainId: Type.Optional(
      Type.String({
        pattern: "^[1-9A-HJ-NP-Za-km-z]{32,44}$",
        [ALLOWED]: "a digest in base58",
        description:
          "Digest of the genesis checkpoint, which the node must name. Known of mainnet and testnet; needed on others.",
      }),
    ),
    endpoints: endpoints(Endpoint),
    coins: Type.Optional(
      Type.Array(Coin, {
        maxItems: 1_000,
        default: [],
        description: "Coins that count beside SUI. What is not named here is never counted, whatever it calls itself.",
      }),
    ),
    settlementPackages: Type.Optional(
      Type.Array(Type.String({ pattern: "^0x[0-9a-fA-F]{1,64}$", [ALLOWED]: "an address like 0x2" }), {
        minItems: 1,
        maxItems: 100,
        description:
          "Packages whose events say which intent hash a transaction settles. Left out: anybody's, which is as safe, because recipient, coin and amount are looked at in any case.",
      }),
    ),
    pollIntervalMs: pollIntervalMs(2_000),
    maxSilenceMs: maxSilenceMs(60_000),
    ...confirmations(1, 1),
  },
  { ...strict, title: "sui", description: "Sui, watched over gRPC-web." },
);

/** The tree has passed the schema, and defaults are filled in. */
export function completeSui(chain: object): SuiChainConfig {
  return { chainId: null, settlementPackages: null, ...chain } as SuiChainConfig;
}

/** Rules over several settings. */
export function checkSui({ network, chainId, endpoints: given, coins }: SuiChainConfig): SettingProblem[] {
  return [...checkChainId(network, chainId), ...given.flatMap(checkEndpoint), ...checkCoins(coins)];
}

function checkChainId(network: SuiChainConfig["network"], chainId: string | null): SettingProblem[] {
  if (chainId !== null || network === "mainnet" || network === "testnet") return [];
  const what = `is needed: ${network} begins anew from time to time, each time as another chain`;
  return [
    { key: ".chainId", what, whatToDo: "Give the digest of its genesis checkpoint (GetServiceInfo's chain_id)." },
  ];
}

function checkEndpoint({ url }: { url: string }, place: number): SettingProblem[] {
  const key = `.endpoints[${place}].url`;
  if (!URL.canParse(url)) return [noUrl(key, "https://fullnode.mainnet.example:443")];
  const { username, password } = new URL(url);
  if (username === "" && password === "") return [];
  return [{ key, what: "carries credentials", whatToDo: "Put them into the endpoint's headers." }];
}

function checkCoins(coins: SuiChainConfig["coins"]): SettingProblem[] {
  const symbols = new Set(["SUI"]);
  const types = new Set([comparable("0x2::sui::SUI")]);
  return coins.flatMap(({ symbol: name, coinType }, place) => {
    const problems: SettingProblem[] = [];
    const add = (key: string, what: string) =>
      problems.push({
        key: `.coins[${place}].${key}`,
        what,
        whatToDo: "Each coin needs a symbol and a type of its own.",
      });
    if (symbols.has(name)) add("symbol", `${name} is there twice (SUI always is)`);
    if (types.has(comparable(coinType))) add("coinType", `${coinType} is there twice (SUI's always is)`);
    symbols.add(name);
    types.add(comparable(coinType));
    return problems;
  });
}

/** Without the zeros that every address in it may begin with. */
function comparable(coinType: string): string {
  return coinType.replace(/0x0*([0-9a-fA-F]*)/g, (_, digits: string) => `0x${digits.toLowerCase()}`);
}
