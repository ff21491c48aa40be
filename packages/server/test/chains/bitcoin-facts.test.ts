/** Addresses, payment URIs and derivation. Vectors: BIP84, BIP173, BIP350. */
import { createBase58check } from "@scure/base";
import { sha256 } from "@scure/btc-signer/utils.js";
import { describe, expect, it } from "vitest";
import { BitcoinFacts } from "../../src/chains/bitcoin/facts.ts";
import { InvalidAddress, InvalidXpub } from "../../src/chains/watcher.ts";

const mainnet = new BitcoinFacts({ network: "mainnet" });
const regtest = new BitcoinFacts({ network: "regtest" });
const base58check = createBase58check(sha256);

/** BIP84's account 0 of "abandon … about". */
const ZPUB =
  "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs";
const ZPRV =
  "zprvAdG4iTXWBoARxkkzNpNh8r6Qag3irQB8PzEMkAFeTRXxHpbF9z4QgEvBRmfvqWvGp42t42nvgGpNgYSJA9iefm1yYNZKEm7z6qUWCroSQnE";

/** The same key under other version bytes. */
function withVersion(version: number): string {
  const bytes = base58check.decode(ZPUB);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, version);
  return base58check.encode(bytes);
}

describe("the facts of Bitcoin", () => {
  it("are two confirmations for paid and six for final, unless configured otherwise", () => {
    expect(mainnet).toMatchObject({ chain: "bitcoin", defaultConfirmations: 2, finalConfirmations: 6 });
    const own = new BitcoinFacts({ chain: "btc", network: "signet", confirmations: 1, finalConfirmations: 3 });
    expect(own).toMatchObject({ chain: "btc", defaultConfirmations: 1, finalConfirmations: 3 });
    expect(own.assets).toEqual([{ symbol: "BTC", decimals: 8 }]);
  });
});

describe("an address", () => {
  it.each([
    ["BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"],
    ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"],
    ["1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"],
  ])("%s is stored as %s", (written, canonical) => {
    expect(mainnet.canonicalAddress(written)).toBe(canonical);
  });

  it("has no canonical form where it is none", () => {
    expect(() => mainnet.canonicalAddress("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5")).toThrow(InvalidAddress);
    expect(() => mainnet.canonicalAddress("1bvbmseystwetqtfn5au4m4gfg7xjanvn2")).toThrow(InvalidAddress);
  });

  it.each([
    ["P2WPKH", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "0014751e76e8199196d454941c45d1b3a323f1433bd6"],
    [
      "P2WPKH in capitals",
      "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
      "0014751e76e8199196d454941c45d1b3a323f1433bd6",
    ],
    [
      "P2TR",
      "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
      "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    ],
    ["P2PKH", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "76a91477bff20c60e522dfaa3350c39b030a5d004e839a88ac"],
    ["P2SH", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "a914b472a266d0bd89c13706a4132ccfb16f7c3b9fcb87"],
  ])("of type %s becomes its script", (_, address, script) => {
    expect(mainnet.recipientOf(address)).toBe(script);
  });

  it.each([
    ["tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "testnet or signet", "mainnet"],
    ["mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "testnet or signet or regtest", "mainnet"],
  ])("of another network is refused by name: %s", (address, its, expected) => {
    expect(() => mainnet.recipientOf(address)).toThrow(
      new InvalidAddress(`This is a ${its} address; ${expected} is expected here.`),
    );
    expect(() => regtest.recipientOf("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")).toThrow(/a mainnet address/);
  });

  it.each([
    ["a wrong checksum", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"],
    ["bech32 where bech32m is due", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd"],
    ["nothing", ""],
    ["something else", "0x52908400098527886E0F7030069857D2E4169EE7"],
    ["a script that anyone can spend (P2A)", "bc1pfeessrawgf"],
    ["a very long text", "1".repeat(10_000)],
  ])("is refused for %s", (_, address) => {
    expect(() => mainnet.recipientOf(address)).toThrow(InvalidAddress);
  });
});

describe("a payment URI", () => {
  const address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
  const uriFor = (amountAtomic: bigint | null) =>
    mainnet.paymentUri({ address, asset: "BTC", decimals: 8, amountAtomic });

  it.each([
    [1n, "0.00000001"],
    [150_000n, "0.0015"],
    [100_000_000n, "1"],
    [2_100_000_000_000_001n, "21000000.00000001"],
    [1_000_000_000n, "10"],
  ])("of %s satoshi asks for %s", (amountAtomic, amount) => {
    expect(uriFor(amountAtomic)).toBe(`bitcoin:${address}?amount=${amount}`);
  });

  it("of a standing payment has no amount", () => {
    expect(uriFor(null)).toBe(`bitcoin:${address}`);
  });
});

describe("an extended public key", () => {
  const derive = (facts: BitcoinFacts, xpub: string | null, index: number) => facts.allocator.derive(xpub, index);

  it("gives the receive addresses of BIP84", () => {
    expect(derive(mainnet, ZPUB, 0)).toBe("bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu");
    expect(derive(mainnet, ZPUB, 1)).toBe("bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g");
    expect(derive(mainnet, ZPUB, 0)).toBe("bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu");
  });

  it("means the same under each name that the network knows", () => {
    expect(derive(mainnet, withVersion(0x0488b21e), 0)).toBe("bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu");
    const [tpub, vpub] = [withVersion(0x043587cf), withVersion(0x045f1cf6)];
    expect([tpub.slice(0, 4), vpub.slice(0, 4)]).toEqual(["tpub", "vpub"]);
    for (const network of ["testnet", "signet"] as const) {
      expect(derive(new BitcoinFacts({ network }), tpub, 0)).toBe("tb1qcr8te4kr609gcawutmrza0j4xv80jy8zmfp6l0");
    }
    expect(derive(regtest, vpub, 0)).toMatch(/^bcrt1qcr8te4kr609gcawutmrza0j4xv80jy8z/);
  });

  it("is known by its key and chain code, not by the text", () => {
    const identity = (facts: BitcoinFacts, xpub: string) => facts.allocator.identity(xpub);
    expect(identity(mainnet, withVersion(0x0488b21e))).toBe(identity(mainnet, ZPUB));
    expect(identity(regtest, withVersion(0x043587cf))).toBe(identity(regtest, withVersion(0x045f1cf6)));
    const elsewhere = base58check.decode(ZPUB);
    // Another depth, parent and child number: what some wallets leave out.
    elsewhere.fill(0, 4, 13);
    expect(identity(mainnet, base58check.encode(elsewhere))).toBe(identity(mainnet, ZPUB));
    const otherChainCode = base58check.decode(ZPUB);
    otherChainCode.fill(7, 13, 45);
    expect(identity(mainnet, base58check.encode(otherChainCode))).not.toBe(identity(mainnet, ZPUB));
    expect(() => identity(mainnet, ZPRV)).toThrow(InvalidXpub);
  });

  it("must not be a private key, which is not repeated in the refusal", () => {
    const refusal = (() => {
      try {
        return derive(mainnet, ZPRV, 0);
      } catch (error) {
        return error as Error;
      }
    })();
    expect(refusal).toBeInstanceOf(InvalidXpub);
    expect(String(refusal)).toMatch(/private key.*xpub or zpub/);
    expect(String(refusal)).not.toContain(ZPRV.slice(4, 20));
  });

  it.each([
    [
      "of another network",
      withVersion(0x043587cf),
      /for testnet, signet, regtest; mainnet needs the account's xpub or zpub/,
    ],
    ["for another type of address", withVersion(0x049d7cb2), /A ypub is for another type of address/],
    ["of an unknown kind", withVersion(0x01020304), /Unknown kind of extended key \(version 01020304\)/],
    ["with a wrong checksum", `${ZPUB.slice(0, -1)}t`, /Base58 or checksum is wrong/],
    ["that is an address", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", /21 bytes instead of 78/],
    ["that is a very long text", "z".repeat(100_000), /Base58 or checksum is wrong/],
    ["that was never given", null, /Not an extended public key/],
  ])("%s is refused", (_, xpub, reason) => {
    expect(() => derive(mainnet, xpub, 0)).toThrow(InvalidXpub);
    expect(() => derive(mainnet, xpub, 0)).toThrow(reason);
  });

  it("whose point is not on the curve is refused", () => {
    const bytes = base58check.decode(ZPUB);
    bytes.fill(0xff, 46);
    expect(() => derive(mainnet, base58check.encode(bytes), 0)).toThrow(InvalidXpub);
  });

  it.each([-1, 0.5, 2 ** 31, Number.NaN])("has no address number %s", (index) => {
    expect(() => derive(mainnet, ZPUB, index)).toThrow(InvalidXpub);
  });

  it("has an address at the last index, too", () => {
    expect(derive(mainnet, ZPUB, 2 ** 31 - 1)).toMatch(/^bc1q/);
  });
});
