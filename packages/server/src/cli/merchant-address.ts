/** `paybell merchants set-address`: where a merchant's payments are paid that something beside the address tells apart. */
import { Command } from "commander";
import { pino } from "pino";
import { type ChainFacts, InvalidAddress } from "../chains/watcher.ts";
import type { Config } from "../config/config.ts";
import { systemClock } from "../kit/clock.ts";
import type { MerchantStore } from "../log/store.ts";
import { addDatabaseFlags, configFrom } from "./config-flags.ts";
import { existingMerchant } from "./existing-merchant.ts";
import { type CliIo, CommandError } from "./io.ts";
import { withDatabase } from "./with-database.ts";

export function setAddressCommand(io: CliIo): Command {
  const setAddress = new Command("set-address")
    .description("Set the address that a merchant's payments share where they are told apart by more than it")
    .argument("<merchant>", "the merchant's id")
    .argument("<chain>", "a chain of the configuration, like sui")
    .argument("<address>", "an address of the merchant's wallet; every merchant needs one of its own")
    .addHelpText("after", "\nExample:\n  paybell merchants set-address corner-shop sui 0x5f3a…\n");
  return addDatabaseFlags(setAddress).action(async (merchantId: string, chain: string, text: string) => {
    const config = configFrom(setAddress, io);
    const address = canonical(await sharingFacts(config, chain), text);
    await withDatabase(config, async ({ merchants }) => {
      await existingMerchant(merchants, merchantId);
      await refuseAddressOfAnother(merchants, { merchantId, chain, address });
      const before = (await merchants.addresses(merchantId))[chain];
      await merchants.setAddress(merchantId, chain, address);
      if (before !== undefined && before !== address) {
        io.err(`This replaced ${before}: new payments go to the new address, older ones stay where they are.\n`);
      }
    });
    io.out(`${address}\n`);
  });
}

/** @throws CommandError */
async function sharingFacts(config: Config, chain: string): Promise<ChainFacts> {
  const settings = config.chains[chain];
  if (!settings) {
    const names = Object.keys(config.chains);
    const hint = names.length > 0 ? `There are: ${names.join(", ")}.` : "Add it to paybell.config.json.";
    throw new CommandError(`There is no chain "${chain}".`, hint);
  }
  // Loaded only here: every other command starts sooner without it.
  const { factsOf } = await import("../open-chains.ts");
  const facts = await factsOf(chain, settings, { clock: systemClock, logger: pino({ level: "silent" }) });
  if (facts.match !== null) return facts;
  throw new CommandError(
    `Payments on ${chain} are told apart by their address alone: they cannot share one.`,
    "Give an address with each payment, or set an extended public key where the chain derives addresses.",
  );
}

function canonical(facts: ChainFacts, text: string): string {
  try {
    return facts.canonicalAddress(text);
  } catch (error) {
    if (!(error instanceof InvalidAddress)) throw error;
    throw new CommandError(`"${text}" is no address on ${facts.chain}: ${error.message}`, "Copy it from the wallet.");
  }
}

/** What comes there for no payment would be told to both.
 * @throws CommandError naming the other one */
async function refuseAddressOfAnother(
  merchants: MerchantStore,
  { merchantId, chain, address }: { merchantId: string; chain: string; address: string },
): Promise<void> {
  for (const { id } of await merchants.merchants()) {
    if (id === merchantId || (await merchants.addresses(id))[chain] !== address) continue;
    throw new CommandError(
      `The merchant "${id}" has this address on ${chain} already.`,
      "Make another one in the wallet: each merchant needs one of its own.",
    );
  }
}
