/** Who is named in the configuration exists, and who exists can work. */
import type { ChainFacts } from "../../chains/watcher.ts";
import type { Config } from "../../config/config.ts";
import type { Inspection } from "../../storage/sqlite/inspect.ts";
import { broken, type Finding, ok, skipped, warning } from "./finding.ts";

/** @param paybell how the program is called here */
export function merchantFindings(
  config: Config,
  inspection: Pick<Inspection, "merchants"> | null,
  chains: readonly ChainFacts[],
  paybell: string,
): Finding[] {
  const what = "merchants";
  if (!inspection) return config.mode === "sandbox" ? [] : [skipped(what, "there is no database to read them from")];
  const { merchants } = inspection;
  if (!merchants) return [skipped(what, "the database is of another version")];
  const known = new Set(merchants.map(({ id }) => id));
  const findings = namedIn(config)
    .filter(({ merchantId }) => !known.has(merchantId))
    .map(({ where, merchantId }) =>
      broken(
        what,
        `${where} names the merchant "${merchantId}", who does not exist.`,
        `${paybell} merchants create, or correct it.`,
      ),
    );
  if (merchants.length === 0) {
    return [...findings, warning(what, "There is none.", `${paybell} merchants create "Corner Shop"`)];
  }
  for (const { id, hasSecretKey, xpubChains } of merchants) {
    if (!hasSecretKey) findings.push(warning(what, `${id} has no secret key.`, `${paybell} keys create ${id}`));
    for (const { chain, allocator } of chains) {
      if (!allocator?.needsXpub || xpubChains.includes(chain)) continue;
      const found = `${id} has no extended public key on ${chain}: each payment there has to bring its address.`;
      findings.push(warning(what, found, `${paybell} merchants set-xpub ${id} ${chain} …`));
    }
  }
  return findings.length > 0 ? findings : [ok(what, `${merchants.length}, with what they need`)];
}

function namedIn({ hosts, pusher }: Config): { where: string; merchantId: string }[] {
  return [
    ...Object.entries(hosts).map(([host, merchantId]) => ({ where: `hosts.${host}`, merchantId })),
    ...pusher.apps.flatMap(({ id, merchantId }) =>
      merchantId === null ? [] : [{ where: `the Pusher app ${id}`, merchantId }],
    ),
  ];
}
