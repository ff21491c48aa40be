/** `paybell keys create | list | revoke` */
import { Command, Option } from "commander";
import { KEY_CACHE_TTL_MS } from "../http/key-authenticator.ts";
import { createKey, keyRow } from "../http/keys.ts";
import { systemClock } from "../kit/clock.ts";
import type { KeyKind } from "../log/store.ts";
import { addDatabaseFlags, configFrom } from "./config-flags.ts";
import { existingMerchant } from "./existing-merchant.ts";
import { type CliIo, CommandError, calledAs } from "./io.ts";
import { table } from "./table.ts";
import { withDatabase } from "./with-database.ts";

export function keysCommand(io: CliIo): Command {
  const keys = new Command("keys").description("API keys; the server may be running meanwhile");
  keys.addCommand(createCommand(io));
  keys.addCommand(listCommand(io));
  keys.addCommand(revokeCommand(io));
  return keys;
}

function createCommand(io: CliIo): Command {
  const create = new Command("create")
    .description("Create a key and print it; it is shown only now")
    .argument("<merchant>", "the merchant's id")
    .addOption(
      new Option("--kind <kind>", "secret: for servers; publishable: names the merchant in browsers")
        .choices(["secret", "publishable"])
        .default("secret"),
    )
    .addHelpText("after", "\nExample:\n  PAYBELL_KEY=$(paybell keys create corner-shop --mode live)\n");
  return addDatabaseFlags(create).action(async (merchantId: string) => {
    const config = configFrom(create, io);
    const { kind } = create.opts<{ kind: KeyKind }>();
    const key = createKey(kind, config.mode);
    const row = keyRow(key, { merchantId, kind, createdAtMs: systemClock.nowMs() });
    await withDatabase(config, async ({ merchants }) => {
      await existingMerchant(merchants, merchantId);
      await merchants.createKey(row);
    });
    io.out(`${key}\n`);
    io.err(`Keep it now: only its hash is stored. To revoke it: ${calledAs(io)} keys revoke ${row.id}\n`);
  });
}

function listCommand(io: CliIo): Command {
  const list = new Command("list").description("List a merchant's keys").argument("<merchant>", "the merchant's id");
  return addDatabaseFlags(list).action(async (merchantId: string) => {
    const keys = await withDatabase(configFrom(list, io), async ({ merchants }) => {
      await existingMerchant(merchants, merchantId);
      return merchants.keys(merchantId);
    });
    const at = (ms: number | null) => (ms === null ? "-" : new Date(ms).toISOString());
    const rows = keys.map((key) => [key.id, key.kind, `${key.hint}…`, at(key.createdAtMs), at(key.revokedAtMs)]);
    io.out(table(["ID", "KIND", "KEY", "CREATED", "REVOKED"], rows));
  });
}

function revokeCommand(io: CliIo): Command {
  const revoke = new Command("revoke")
    .description(`Revoke a key; a running server refuses it within ${KEY_CACHE_TTL_MS / 1_000} seconds`)
    .argument("<key-id>", "key_…, see paybell keys list");
  return addDatabaseFlags(revoke).action(async (keyId: string) => {
    const revoked = await withDatabase(configFrom(revoke, io), ({ merchants }) =>
      merchants.revokeKey(keyId, systemClock.nowMs()),
    );
    if (!revoked) {
      throw new CommandError(`There is no key ${keyId} that could be revoked.`, "See paybell keys list <merchant>.");
    }
    io.err(`Revoked ${keyId}.\n`);
  });
}
