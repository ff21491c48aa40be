/**
 * Receive addresses from an account's extended public key: BIP84, path `m/0/index` below the account, P2WPKH.
 * We hold no private keys: an extended private key is refused, and so is a key meant for another type of address.
 * Source: BIP32, BIP84, SLIP-132.
 */
import { createBase58check, hex } from "@scure/base";
import { HDKey } from "@scure/bip32";
import { p2wpkh } from "@scure/btc-signer";
import { sha256 } from "@scure/btc-signer/utils.js";
import { messageOf } from "../../kit/errors.ts";
import { InvalidXpub } from "../watcher.ts";
import { BITCOIN_NETWORKS, type BitcoinNetwork } from "./network.ts";

const base58check = createBase58check(sha256);

/** Length in bytes of a serialised extended key, and where in it the key itself begins (BIP32). */
const EXTENDED_KEY_BYTES = 78;
const KEY_OFFSET = 45;
/** More characters than any extended key has: Base58 takes time that grows with the square of the length. */
const MAX_CHARACTERS = 120;

/** Keys known by name that are not for P2WPKH (SLIP-132). */
const OTHER_PURPOSES: Readonly<Record<number, string>> = {
  77429938: "ypub",
  71979618: "upub",
  43365439: "Ypub",
  44728019: "Zpub",
  37915119: "Upub",
  39277699: "Vpub",
};

/** First index that BIP32 derives in the hardened way, which a public key cannot do. */
const HARDENED = 2 ** 31;

/**
 * The address at `m/0/index` below the account.
 * @throws InvalidXpub
 */
export function receiveAddress(network: BitcoinNetwork, xpub: string, index: number): string {
  if (!Number.isSafeInteger(index) || index < 0 || index >= HARDENED) {
    throw new InvalidXpub(`There is no address number ${index}: indexes go from 0 to ${HARDENED - 1}.`);
  }
  const { publicKey } = accountOf(network, xpub).branch.deriveChild(index);
  if (!publicKey) throw new InvalidXpub(`No key can be derived at index ${index}.`);
  const { address } = p2wpkh(publicKey, network.coding);
  if (!address) throw new InvalidXpub(`No address can be made of the key at index ${index}.`);
  return address;
}

/**
 * Hash of the public key and the chain code, from which alone the addresses follow: `xpub`, `zpub` and what depth and
 * parent a text names are only ways of writing them.
 * @throws InvalidXpub
 */
export function keyIdentity(network: BitcoinNetwork, xpub: string): string {
  return accountOf(network, xpub).identity;
}

interface Account {
  /** `m/0` below it. */
  branch: HDKey;
  identity: string;
}

/** Accounts by network and xpub: deriving them anew would triple the cost of each address. */
const accounts = new Map<string, Account>();
const ACCOUNTS_KEPT = 1_000;

function accountOf(network: BitcoinNetwork, xpub: string): Account {
  const name = `${network.name}/${xpub}`;
  const known = accounts.get(name);
  if (known) return known;
  const key = parseXpub(network, xpub);
  const { publicKey, chainCode } = key;
  if (!publicKey || !chainCode) throw new InvalidXpub("Not a valid extended public key (it has no key).");
  const account = {
    branch: key.deriveChild(0),
    identity: hex.encode(sha256(new Uint8Array([...publicKey, ...chainCode]))),
  };
  if (accounts.size >= ACCOUNTS_KEPT) accounts.clear();
  accounts.set(name, account);
  return account;
}

function parseXpub(network: BitcoinNetwork, xpub: string): HDKey {
  const allowed = Object.values(network.xpubVersions).join(" or ");
  const bytes = decode(xpub, allowed);
  if (bytes[KEY_OFFSET] === 0) {
    throw new InvalidXpub(
      `This is an extended private key. Paybell holds no private keys: give the account's ${allowed}, and treat this key as exposed.`,
    );
  }
  const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (!network.xpubVersions[version]) throw wrongVersion(network, version, allowed);
  try {
    return HDKey.fromExtendedKey(xpub, { public: version, private: 0 });
  } catch (error) {
    throw new InvalidXpub(`Not a valid extended public key (${messageOf(error)}).`);
  }
}

function decode(xpub: string, allowed: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    if (xpub.length > MAX_CHARACTERS) throw new Error("too long");
    bytes = base58check.decode(xpub);
  } catch {
    // The coder's message repeats the text; what was given may be a secret, so it is not repeated.
    throw new InvalidXpub(
      `Not an extended public key (Base58 or checksum is wrong); expected the account's ${allowed}.`,
    );
  }
  if (bytes.length !== EXTENDED_KEY_BYTES) {
    throw new InvalidXpub(
      `Not an extended public key (${bytes.length} bytes instead of ${EXTENDED_KEY_BYTES}); expected the account's ${allowed}.`,
    );
  }
  return bytes;
}

function wrongVersion(network: BitcoinNetwork, version: number, allowed: string): InvalidXpub {
  const other = OTHER_PURPOSES[version];
  if (other) {
    return new InvalidXpub(`A ${other} is for another type of address; native segwit (BIP84) needs the ${allowed}.`);
  }
  const others = Object.values(BITCOIN_NETWORKS).filter((candidate) => candidate.xpubVersions[version]);
  if (others.length > 0) {
    const names = others.map((candidate) => candidate.name).join(", ");
    return new InvalidXpub(`This key is for ${names}; ${network.name} needs the account's ${allowed}.`);
  }
  const hex = version.toString(16).padStart(8, "0");
  return new InvalidXpub(`Unknown kind of extended key (version ${hex}); expected the account's ${allowed}.`);
}
