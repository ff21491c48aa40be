/** Amounts of proposals: decimal strings in a currency → atomic units of an asset. Never through floating point. */
import type { ChainAsset } from "../../chains/watcher.ts";
import type { ChainRegistry } from "../../ingest/chain-registry.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { ProposalSettings } from "./context.ts";

/** Up to 60 digits before the point and 77 behind it. */
export const DECIMAL_PATTERN = "^(0|[1-9][0-9]{0,59})(\\.[0-9]{1,77})?$";
export const DECIMAL_ALLOWED = 'a decimal number as a string, like "12.50": no sign, no exponent, no separators';

/** In the sandbox both names mean its only coin, so that a proposal in USDC runs there as it stands. */
const SANDBOX_SETTINGS: ProposalSettings = { chain: "sandbox", currencies: { USDC: "SBX", SBX: "SBX" } };

export interface Due {
  chain: string;
  asset: string;
  amountAtomic: bigint;
}

/**
 * What is due for an amount of a proposal.
 * @throws PaybellError not_supported when no chain is configured, invalid_request naming the field and what is allowed
 */
export function dueFor(
  { value, currency }: { value: string; currency: string },
  settings: ProposalSettings | null,
  { mode, registry }: { mode: "sandbox" | "live"; registry: ChainRegistry },
): Due {
  const chosen = settings ?? (mode === "sandbox" ? SANDBOX_SETTINGS : null);
  if (!chosen) {
    throw new PaybellError("not_supported", "Proposals need a chain: set identipay.chain in paybell.config.json.");
  }
  const asset = assetOf(currency, chosen, registry);
  return { chain: chosen.chain, asset: asset.symbol, amountAtomic: atomicUnits(value, currency, asset) };
}

function assetOf(currency: string, { chain, currencies }: ProposalSettings, registry: ChainRegistry): ChainAsset {
  const known = registry.get(chain);
  const symbols = new Map(
    currencies ? Object.entries(currencies) : known.facts.assets.map(({ symbol }) => [symbol, symbol]),
  );
  const symbol = symbols.get(currency);
  if (symbol !== undefined) return registry.asset(known, symbol);
  throw wrong("amount.currency", "is not known", [...symbols.keys()].join(", "));
}

function atomicUnits(value: string, currency: string, { decimals }: ChainAsset): bigint {
  const [whole = "", given = ""] = value.split(".");
  const fraction = given.replace(/0+$/, "");
  if (fraction.length > decimals) {
    throw wrong("amount.value", `has ${fraction.length} decimals`, `at most ${decimals}, which ${currency} has`);
  }
  const amountAtomic = BigInt(whole + fraction.padEnd(decimals, "0"));
  if (amountAtomic === 0n) throw wrong("amount.value", "is 0", "more than 0");
  return amountAtomic;
}

function wrong(path: string, problem: string, allowed: string): PaybellError {
  return new PaybellError("invalid_request", `${path} ${problem}; allowed: ${allowed}.`, [{ path, problem, allowed }]);
}
