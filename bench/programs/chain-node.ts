/** A chain's node on loopback, full of blocks; prints what the follower needs as JSON, and stays until it is ended. */
import { parseArgs } from "node:util";
import { systemClock } from "../../packages/server/src/kit/clock.ts";
import { FOLLOWED } from "../chains/all.ts";

const { values } = parseArgs({
  options: {
    chain: { type: "string" },
    blocks: { type: "string" },
    transactions: { type: "string" },
    paid: { type: "string" },
  },
});
const chain = FOLLOWED[values.chain ?? ""];
if (!chain) throw new Error(`There is no chain ${values.chain}.`);
const paid = Array.from({ length: Number(values.paid) }, (_, index) => chain.address(index));
const shape = { blocks: Number(values.blocks), transactions: Number(values.transactions) };
const node = await chain.fill(shape, paid, systemClock);
const stop = () => {
  void node.stop().then(() => process.exit(0));
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
console.log(JSON.stringify({ settings: node.settings, begin: node.begin, headHeight: node.headHeight }));
