/** `paybell merchants settings`: what a merchant has decided for wires that carry no secret key. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { messageOf } from "../kit/errors.ts";
import type { MerchantSettings } from "../log/store.ts";
import { InvalidJwks, parseJwks, urlOf } from "../protocols/crypto-shop/jwk-set.ts";
import { addDatabaseFlags, configFrom } from "./config-flags.ts";
import { existingMerchant } from "./existing-merchant.ts";
import { type CliIo, CommandError } from "./io.ts";
import { table } from "./table.ts";
import { withDatabase } from "./with-database.ts";

/** Takes a setting away. */
const OFF = "off";
/** HS256 is no stronger than its secret. Source: RFC 7518, section 3.2. */
const SECRET_MIN_BYTES = 32;

const EXAMPLES = `
Without options: shows the settings. In the sandbox everything is open, whatever is set.

Examples:
  paybell merchants settings corner-shop --session-secret ./jwt-secret.txt
  paybell merchants settings corner-shop --session-jwks https://id.example/.well-known/jwks.json
  paybell merchants settings corner-shop --session-secret off --open-references on
`;

interface Given {
  sessionSecret?: string;
  sessionJwks?: string;
  sessionIssuer?: string;
  sessionAudience?: string;
  openCustomers?: "on" | "off";
  openReferences?: "on" | "off";
  openOrders?: "on" | "off";
}

export function settingsCommand(io: CliIo): Command {
  const settings = new Command("settings")
    .description("Show or change who may listen to a merchant's events without a secret key")
    .argument("<merchant>", "the merchant's id")
    .option("--session-secret <file>", "HS256 secret of the users' session tokens: a file that holds it, or off")
    .option("--session-jwks <file|url>", "public keys of those tokens, a JWK Set: a file, an https URL, or off")
    .option("--session-issuer <iss>", "`iss` that those tokens must carry, or off")
    .option("--session-audience <aud>", "`aud` that those tokens must carry, or off")
    .addOption(toggle("--open-customers", "anyone may follow any user: join-user without a token"))
    .addOption(toggle("--open-references", "anyone may follow a reference: tracking ids, partner order ids"))
    .addOption(toggle("--open-orders", "anyone with the publishable key may follow all orders"))
    .addHelpText("after", EXAMPLES);
  return addDatabaseFlags(settings).action(async (merchantId: string) => {
    const config = configFrom(settings, io);
    const changed = await changesOf(settings.opts<Given>(), io.cwd);
    const now = await withDatabase(config, async ({ merchants }) => {
      await existingMerchant(merchants, merchantId);
      if (Object.keys(changed).length > 0) await merchants.changeSettings(merchantId, changed);
      return merchants.settings(merchantId);
    });
    io.out(table(["SETTING", "VALUE"], rowsOf(now)));
    for (const warning of warningsOf(now)) io.err(`${warning}\n`);
  });
}

function toggle(flag: string, meaning: string): Option {
  return new Option(`${flag} <on|off>`, meaning).choices(["on", OFF]);
}

/** Only what was given. @throws CommandError */
async function changesOf(given: Given, cwd: string): Promise<Partial<MerchantSettings>> {
  const changed: Partial<MerchantSettings> = {};
  const { sessionSecret, sessionJwks, sessionIssuer, sessionAudience } = given;
  if (sessionSecret !== undefined) {
    changed.sessionSecret = sessionSecret === OFF ? null : await readSecret(resolve(cwd, sessionSecret));
  }
  if (sessionJwks !== undefined) changed.sessionJwks = sessionJwks === OFF ? null : await readJwks(sessionJwks, cwd);
  if (sessionIssuer !== undefined) changed.sessionIssuer = textOf("--session-issuer", sessionIssuer);
  if (sessionAudience !== undefined) changed.sessionAudience = textOf("--session-audience", sessionAudience);
  for (const name of ["openCustomers", "openReferences", "openOrders"] as const) {
    if (given[name] !== undefined) changed[name] = given[name] === "on";
  }
  return changed;
}

/** An empty value would be a claim that no token carries. */
function textOf(flag: string, value: string): string | null {
  if (value.trim() === "") throw new CommandError(`${flag} is empty.`, "Is the variable that should hold it empty?");
  return value === OFF ? null : value;
}

/** From a file: an argument could be read by everybody on the machine. */
async function readSecret(path: string): Promise<string> {
  // The line's end is the editor's, not the secret's.
  const secret = (await read(path, "--session-secret")).replace(/\r?\n$/, "");
  const bytes = Buffer.byteLength(secret);
  if (bytes >= SECRET_MIN_BYTES) return secret;
  throw new CommandError(
    `The secret has ${bytes} bytes; HS256 needs at least ${SECRET_MIN_BYTES}.`,
    "Make one: openssl rand -base64 48 > jwt-secret.txt, and give it to the shop's backend too.",
  );
}

/** The URL, or the set in one line. */
async function readJwks(given: string, cwd: string): Promise<string> {
  try {
    const url = urlOf(given);
    if (url) return url.href;
    return JSON.stringify(parseJwks(await read(resolve(cwd, given), "--session-jwks")));
  } catch (error) {
    if (!(error instanceof InvalidJwks)) throw error;
    throw new CommandError(`--session-jwks cannot be used: ${error.message}`, "Give a JWK Set of public keys.");
  }
}

function read(path: string, flag: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw new CommandError(`The file of ${flag} cannot be read: ${messageOf(error)}.`, `Give its path, or "${OFF}".`);
  });
}

/** What is secret is not shown, only that it is there. */
function rowsOf(settings: MerchantSettings): string[][] {
  const { sessionSecret, sessionJwks, sessionIssuer, sessionAudience } = settings;
  const switched = (on: boolean) => (on ? "on" : "off");
  return [
    ["session-secret", sessionSecret === null ? "-" : `set (${Buffer.byteLength(sessionSecret)} bytes)`],
    ["session-jwks", sessionJwks === null ? "-" : shownJwks(sessionJwks)],
    ["session-issuer", sessionIssuer ?? "-"],
    ["session-audience", sessionAudience ?? "-"],
    ["open-customers", switched(settings.openCustomers)],
    ["open-references", switched(settings.openReferences)],
    ["open-orders", switched(settings.openOrders)],
  ];
}

function shownJwks(jwks: string): string {
  const url = urlOf(jwks);
  if (url) return url.href;
  const { keys } = parseJwks(jwks);
  return `${keys.length} ${keys.length === 1 ? "key" : "keys"}: ${keys.map(({ kid, kty }) => kid ?? kty).join(", ")}`;
}

function warningsOf({ openCustomers, openOrders }: MerchantSettings): string[] {
  return [
    ...(openCustomers ? ["Anyone can now follow every user of this merchant, in live mode too."] : []),
    ...(openOrders ? ["Anyone who has the publishable key can now follow all orders of this merchant."] : []),
  ];
}
