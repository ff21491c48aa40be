/** An address can be written in several ways; the records of a payment are found under one of them. */
import { InvalidAddress } from "../../chains/watcher.ts";
import type { ChainRegistry } from "../../ingest/chain-registry.ts";
import { PaybellError } from "../../kit/errors.ts";
import { parseTopic, type Topic, topics } from "../../log/topic.ts";

export type KnownChains = Pick<ChainRegistry, "find">;

/** The topic that is meant by this name; of a chain that is not known here, and of anything else, the name itself.
 * @throws PaybellError invalid_request where a known chain has no such address */
export function canonicalTopic(name: string, chains: KnownChains): Topic {
  const parsed = parseTopic(name);
  if (parsed?.kind !== "address") return name as Topic;
  const [merchantId = "", chain = "", address = ""] = parsed.parts;
  const facts = chains.find(chain)?.facts;
  if (!facts) return name as Topic;
  try {
    return topics.address(merchantId, chain, facts.canonicalAddress(address));
  } catch (error) {
    if (!(error instanceof InvalidAddress)) throw error;
    throw new PaybellError("invalid_request", `topic: This is no address on ${chain}: ${error.message}`, {
      field: "topic",
    });
  }
}
