/** `paybell merchants create | list | set-xpub | set-address | settings` */
import { Command } from "commander";
import { type AddressAllocator, InvalidXpub } from "../chains/watcher.ts";
import type { Config } from "../config/config.ts";
import { MERCHANT_ID } from "../config/schema.ts";
import { systemClock } from "../kit/clock.ts";
import type { MerchantStore } from "../log/store.ts";
import { addDatabaseFlags, configFrom } from "./config-flags.ts";
import { existingMerchant } from "./existing-merchant.ts";
import { type CliIo, CommandError, calledAs } from "./io.ts";
import { setAddressCommand } from "./merchant-address.ts";
import { settingsCommand } from "./merchant-settings.ts";
import { table } from "./table.ts";
import { withDatabase } from "./with-database.ts";

export function merchantsCommand(io: CliIo): Command {
  const merchants = new Command("merchants").description("Shops that use this server; each sees only its own payments");
  merchants.addCommand(createCommand(io));
  merchants.addCommand(listCommand(io));
  merchants.addCommand(setXpubCommand(io));
  merchants.addCommand(setAddressCommand(io));
  merchants.addCommand(settingsCommand(io));
  return merchants;
}

function createCommand(io: CliIo): Command {
  const create = new Command("create")
    .description("Create a merchant and print its id")
    .argument("<name>", 'its name, like "Corner Shop"')
    .option("--id <id>", "its id; left out: made from the name")
    .addHelpText("after", '\nExample:\n  paybell merchants create "Corner Shop"   # prints corner-shop\n');
  return addDatabaseFlags(create).action(async (name: string) => {
    const config = configFrom(create, io);
    const id = create.opts<{ id?: string }>().id ?? idFrom(name);
    if (!new RegExp(MERCHANT_ID).test(id)) {
      throw new CommandError(
        `"${id}" cannot be the id of a merchant.`,
        "Give --id with a-z, 0-9, _ and -, at most 63.",
      );
    }
    await withDatabase(config, async ({ merchants }) => {
      if (await merchants.merchant(id)) {
        throw new CommandError(`There is a merchant "${id}" already.`, "Give another --id.");
      }
      await merchants.createMerchant({ id, name, createdAtMs: systemClock.nowMs(), xpubs: {} });
    });
    io.out(`${id}\n`);
    io.err(
      `Next: ${calledAs(io)} keys create ${id}; to derive addresses: ${calledAs(io)} merchants set-xpub ${id} …\n`,
    );
  });
}

/** `Corner Shop` → `corner-shop`. */
function idFrom(name: string): string {
  const words = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return words
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63);
}

function listCommand(io: CliIo): Command {
  const list = new Command("list").description("List all merchants");
  return addDatabaseFlags(list).action(async () => {
    const all = await withDatabase(configFrom(list, io), ({ merchants }) => merchants.merchants());
    const rows = all.map(({ id, name, createdAtMs, xpubs }) => [
      id,
      name,
      new Date(createdAtMs).toISOString(),
      Object.keys(xpubs).join(", ") || "-",
    ]);
    io.out(table(["ID", "NAME", "CREATED", "XPUB ON"], rows));
  });
}

function setXpubCommand(io: CliIo): Command {
  const setXpub = new Command("set-xpub")
    .description("Set the extended public key from which a merchant's addresses are derived")
    .argument("<merchant>", "the merchant's id")
    .argument("<chain>", "a chain of the configuration, like bitcoin")
    .argument("<xpub>", "account key of the wallet (xpub or zpub, tpub or vpub for tests); never a private key")
    .addHelpText("after", "\nExample:\n  paybell merchants set-xpub corner-shop bitcoin zpub6r…\n");
  return addDatabaseFlags(setXpub).action(async (merchantId: string, chain: string, xpub: string) => {
    if (xpub.trim() === "") {
      throw new CommandError("No extended public key was given.", "Is the variable that should hold it empty?");
    }
    const config = configFrom(setXpub, io);
    const allocator = await allocatorOf(config, chain);
    const address = usable(() => allocator.derive(xpub, 0));
    await withDatabase(config, async ({ merchants }) => {
      await existingMerchant(merchants, merchantId);
      await refuseKeyOfAnother(merchants, { merchantId, chain, xpub }, allocator);
      const before = (await merchants.merchant(merchantId))?.xpubs[chain];
      await merchants.setXpub(merchantId, chain, xpub);
      if (before !== undefined && before !== xpub) {
        io.err(`This replaced ${before.slice(0, 8)}…${before.slice(-4)}: new payments go to the new wallet.\n`);
      }
    });
    io.out(`${address}\n`);
    io.err("That is the first address: compare it with the first receiving address of the wallet.\n");
  });
}

async function allocatorOf(config: Config, chain: string): Promise<AddressAllocator> {
  const settings = config.chains[chain];
  if (settings?.kind !== "bitcoin") {
    const able = Object.keys(config.chains).filter((name) => config.chains[name]?.kind === "bitcoin");
    throw new CommandError(
      `Addresses on "${chain}" cannot be derived from an extended public key.`,
      able.length > 0 ? `Possible here: ${able.join(", ")}.` : "Add a chain of kind bitcoin to paybell.config.json.",
    );
  }
  // Loaded only here: every other command starts sooner without it.
  const { BitcoinFacts } = await import("../chains/bitcoin/facts.ts");
  return new BitcoinFacts({ chain, network: settings.network }).allocator;
}

function usable<T>(derive: () => T): T {
  try {
    return derive();
  } catch (error) {
    if (error instanceof InvalidXpub)
      throw new CommandError(error.message, "Export the account's public key from the wallet.");
    throw error;
  }
}

/** Two merchants on one key would never get the same address, but their money would be in one wallet.
 * @throws CommandError naming the other one */
async function refuseKeyOfAnother(
  merchants: MerchantStore,
  { merchantId, chain, xpub }: { merchantId: string; chain: string; xpub: string },
  allocator: AddressAllocator,
): Promise<void> {
  const identity = allocator.identity(xpub);
  const owner = (await merchants.merchants()).find(({ id, xpubs }) => {
    const other = xpubs[chain];
    return id !== merchantId && other !== undefined && identityOf(allocator, other) === identity;
  });
  if (!owner) return;
  throw new CommandError(
    `The merchant "${owner.id}" has this key on ${chain} already, perhaps written in another way.`,
    "Make another account in the wallet and give its key: each merchant needs one of its own.",
  );
}

/** `null`: stored while the chain was configured for another network, so it is another key. */
function identityOf(allocator: AddressAllocator, xpub: string): string | null {
  try {
    return allocator.identity(xpub);
  } catch (error) {
    if (error instanceof InvalidXpub) return null;
    throw error;
  }
}
