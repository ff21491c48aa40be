/**
 * Intent hashes of identiPay's proposals, as the settlement event of a transaction carries them.
 *
 * Anybody can emit such an event, with any hash: it says which of several payments to one address is meant, and nothing
 * else. What is paid is read from the balance changes. Source: reference of identiPay's flow, "Sui events"; the JSON
 * rendering of Move values in sui.rpc.v2 (vector<u8> as base64).
 */
import type { GrpcTypes } from "@mysten/sui/grpc";
import { normalizeSuiAddress } from "@mysten/sui/utils";
import { InvalidMatch } from "../match.ts";

type Value = NonNullable<GrpcTypes.Event["json"]>;

const HASH_BYTES = 32;
const FIELDS = ["intent_hash", "intentHash"] as const;

/** 64 hex digits in lower case.
 * @throws InvalidMatch */
export function canonicalIntentHash(text: string): string {
  const hash = text.toLowerCase().replace(/^0x/, "");
  if (/^[0-9a-f]{64}$/.test(hash)) return hash;
  throw new InvalidMatch("An intent hash is 64 hex digits.");
}

/**
 * The different ones among the events, in canonical form.
 * @param packages only events of these packages (canonical addresses) count; `null`: of all
 */
export function intentHashesIn(events: readonly GrpcTypes.Event[], packages: ReadonlySet<string> | null): string[] {
  const hashes = new Set<string>();
  for (const { packageId, json } of events) {
    if (packages !== null && !packages.has(normalizeSuiAddress(packageId ?? ""))) continue;
    if (json?.kind.oneofKind !== "structValue") continue;
    const { fields } = json.kind.structValue;
    for (const name of FIELDS) {
      const hash = Object.hasOwn(fields, name) ? hashIn(fields[name]) : null;
      if (hash !== null) hashes.add(hash);
    }
  }
  return [...hashes];
}

/** Hex, base64, or a list of numbers; `null` where it is no 32 bytes. */
function hashIn(value: Value | undefined): string | null {
  switch (value?.kind.oneofKind) {
    case "stringValue":
      return fromText(value.kind.stringValue);
    case "listValue":
      return fromNumbers(value.kind.listValue.values);
    default:
      return null;
  }
}

/** 64 hex digits are base64 of 48 bytes, so that no text means two hashes. */
function fromText(text: string): string | null {
  if (/^(0x)?[0-9a-fA-F]{64}$/.test(text)) return canonicalIntentHash(text);
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return null;
  return Buffer.from(text, "base64").toString("hex");
}

function fromNumbers(values: readonly Value[]): string | null {
  if (values.length !== HASH_BYTES) return null;
  const bytes = values.map(({ kind }) => (kind.oneofKind === "numberValue" ? kind.numberValue : Number.NaN));
  if (!bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)) return null;
  return Buffer.from(bytes).toString("hex");
}
