/**
 * A commerce proposal: what the merchant offers, and the hash that stands for it.
 *
 * `intentHash` = SHA-256, in hex, of the proposal without `intentHash` as canonical JSON (RFC 8785). Everybody who has
 * the proposal can compute it. It finds a payment (it is its `reference`); it never settles one: recipient, asset and
 * amount decide that.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";

export interface LineItem {
  name: string;
  quantity: number;
  /** Decimal string, like `amount.value`. */
  unitPrice: string;
  currency?: string;
}

export interface ProposalTerms {
  items: LineItem[];
  amount: { value: string; currency: string };
  deliverables: { receipt: boolean; warranty?: { durationDays: number; transferable: boolean } };
  constraints?: { ageGate?: number; regionRestriction?: string[] };
}

export interface Proposal extends ProposalTerms {
  "@context": "https://schema.identipay.net/v1";
  "@type": "CommerceProposal";
  transactionId: string;
  merchant: { did: string; name: string };
  expiresAt: string;
  settlementChain: string;
  settlementAsset: string;
  intentHash: string;
}

export interface ProposalFacts {
  transactionId: string;
  /** Where wallets find the merchant: host and port of the request. */
  host: string;
  merchant: { id: string; name: string };
  expiresAtMs: number;
  settlementChain: string;
  settlementAsset: string;
}

export function buildProposal(terms: ProposalTerms, facts: ProposalFacts): Proposal {
  const { items, amount, deliverables, constraints } = terms;
  const proposal = {
    "@context": "https://schema.identipay.net/v1",
    "@type": "CommerceProposal",
    transactionId: facts.transactionId,
    merchant: { did: did(facts.host, facts.merchant.id), name: facts.merchant.name },
    items,
    amount,
    deliverables,
    ...(constraints ? { constraints } : {}),
    expiresAt: new Date(facts.expiresAtMs).toISOString(),
    settlementChain: facts.settlementChain,
    settlementAsset: facts.settlementAsset,
  } as const;
  return { ...proposal, intentHash: intentHashOf(proposal) };
}

export function intentHashOf(proposal: Omit<Proposal, "intentHash">): string {
  return createHash("sha256")
    .update(canonicalJson({ ...proposal, items: proposal.items.map((item) => ({ ...item })) }))
    .digest("hex");
}

/** `did:identipay:<host>:<id>`. A wallet finds the id behind the last colon. */
export function did(host: string, id: string): string {
  return `did:identipay:${host.replace(/[^A-Za-z0-9.\-:]/g, encodeURIComponent)}:${id}`;
}
