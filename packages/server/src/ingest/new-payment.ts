/** A request to create a payment → what `decide` needs: chain and asset looked up, address checked or allocated. */
import { randomUUID } from "node:crypto";
import type { PaymentMatch } from "@paybell/protocol";
import { matchKeyOf } from "../chains/match.ts";
import { InvalidAddress, InvalidXpub } from "../chains/watcher.ts";
import { PaybellError } from "../kit/errors.ts";
import type { MerchantStore } from "../log/store.ts";
import type { NewPayment } from "../payments/decide.ts";
import type { ChainRegistry, KnownChain } from "./chain-registry.ts";
import type { CreateRequest } from "./ingest.ts";
import { readMatch } from "./new-match.ts";

export interface NewPaymentDefaults {
  expiresInSeconds: number;
  /** How long after expiry funds are still credited. */
  monitoringSeconds: number;
  gapLimit: number;
}

interface Allocated {
  address: string;
  derivationIndex: number | null;
  derivedFrom: string | null;
}

export interface NewPaymentOfKey {
  payment: NewPayment;
  /** Whose address at `derivationIndex` it is, see `AddressAllocator.identity`; `null` where the caller brought one. */
  derivedFrom: string | null;
}

/** @throws PaybellError not_supported, invalid_request, gap_exhausted */
export async function newPayment(
  request: CreateRequest,
  chains: ChainRegistry,
  merchants: MerchantStore,
  defaults: NewPaymentDefaults,
  nowMs: number,
): Promise<NewPaymentOfKey> {
  const chain = chains.get(request.chain);
  const asset = chains.asset(chain, request.asset);
  const match = readMatch(request, chain.facts);
  const confirmationsRequired = confirmationsFor(request, chain);
  const { derivationIndex, derivedFrom, ...given } =
    request.address === undefined
      ? await allocate(request.merchantId, chain, match, merchants, defaults.gapLimit)
      : { address: request.address, derivationIndex: null, derivedFrom: null };
  const { address, recipient } = readAddress(chain, given.address);
  const standing = request.amountAtomic === null;
  const payment: NewPayment = {
    id: request.id ?? randomUUID(),
    merchantId: request.merchantId,
    chain: chain.facts.chain,
    asset: asset.symbol,
    decimals: asset.decimals,
    amountAtomic: request.amountAtomic,
    address,
    match,
    recipient: matchKeyOf(recipient, match),
    derivationIndex,
    uri: chain.facts.paymentUri({
      address,
      asset: asset.symbol,
      decimals: asset.decimals,
      amountAtomic: request.amountAtomic,
      match,
    }),
    reference: request.reference ?? null,
    customer: request.customer ?? null,
    items: request.items ?? null,
    metadata: request.metadata ?? null,
    policy: {
      confirmationsRequired,
      finalConfirmations: Math.max(chain.facts.finalConfirmations, confirmationsRequired, 1),
    },
    expiresAtMs: standing ? null : expiryOf(request, defaults, nowMs),
    monitoringSeconds: defaults.monitoringSeconds,
  };
  return { payment, derivedFrom };
}

/** @throws PaybellError invalid_request, below what the chain's finality policy allows */
function confirmationsFor({ confirmations }: CreateRequest, { facts }: KnownChain): number {
  const { chain, defaultConfirmations, minConfirmations = 0 } = facts;
  if (confirmations === undefined) return defaultConfirmations;
  if (confirmations >= minConfirmations) return confirmations;
  throw new PaybellError(
    "invalid_request",
    `On ${chain} a payment needs at least ${minConfirmations} confirmations (chains.${chain}.confirmations of the configuration).`,
    { field: "confirmations", minimum: minConfirmations },
  );
}

function expiryOf(request: CreateRequest, defaults: NewPaymentDefaults, nowMs: number): number {
  return request.expiresAtMs ?? nowMs + (request.expiresInSeconds ?? defaults.expiresInSeconds) * 1_000;
}

function readAddress({ facts }: KnownChain, text: string): { address: string; recipient: string } {
  try {
    return { address: facts.canonicalAddress(text), recipient: facts.recipientOf(text) };
  } catch (error) {
    if (!(error instanceof InvalidAddress)) throw error;
    throw new PaybellError("invalid_request", `"${text}" is no address on ${facts.chain}: ${error.message}`, {
      field: "address",
    });
  }
}

async function allocate(
  merchantId: string,
  chain: KnownChain,
  match: PaymentMatch | null,
  merchants: MerchantStore,
  gapLimit: number,
): Promise<Allocated> {
  const { allocator, chain: name } = chain.facts;
  const xpub = (await merchants.merchant(merchantId))?.xpubs[name] ?? null;
  if (!allocator || (allocator.needsXpub && xpub === null)) {
    // Shared by payments that something beside it tells apart; never by those that wait for it alone.
    const address = match === null ? undefined : (await merchants.addresses(merchantId))[name];
    if (address !== undefined) return { address, derivationIndex: null, derivedFrom: null };
    throw noAddress(name, allocator !== null, match);
  }
  // Without an extended public key the merchant's id tells addresses apart.
  const seed = allocator.needsXpub ? (xpub ?? "") : merchantId;
  const derivedFrom = usable(name, () => allocator.identity(seed));
  // The sandbox has one wallet of unlimited addresses; a gap limit protects real wallets.
  const index = await merchants.takeDerivationIndex(
    name,
    derivedFrom,
    allocator.needsXpub ? gapLimit : Number.MAX_SAFE_INTEGER,
  );
  if (index === null) {
    throw new PaybellError(
      "gap_exhausted",
      `${gapLimit} addresses in a row were given out and not paid: wallets would not find payments beyond the gap.`,
      { gapLimit },
    );
  }
  return { address: usable(name, () => allocator.derive(seed, index)), derivationIndex: index, derivedFrom };
}

function noAddress(chain: string, derivable: boolean, match: PaymentMatch | null): PaybellError {
  const ways = [
    ...(derivable ? [`set the merchant's extended public key for ${chain} (paybell merchants set-xpub)`] : []),
    ...(match === null ? [] : [`set the merchant's address on ${chain} (paybell merchants set-address)`]),
  ];
  const message =
    ways.length === 0
      ? `On ${chain} the request must bring an address: none can be derived.`
      : `Give an address, or ${ways.join(", or ")}.`;
  return new PaybellError("invalid_request", message, { field: "address" });
}

/** What is made of the merchant's key. */
function usable<T>(chain: string, derive: () => T): T {
  try {
    return derive();
  } catch (error) {
    if (!(error instanceof InvalidXpub)) throw error;
    throw new PaybellError(
      "invalid_request",
      `The merchant's extended public key for ${chain} is unusable: ${error.message}`,
    );
  }
}
