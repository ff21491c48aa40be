/** Bad clients in a process of their own, from as many loopback addresses as are asked for: prints "ready" when all of
 * them are there, and goes on until it is ended. */
import { parseArgs } from "node:util";
import { Noise } from "../../packages/server/testkit/clients/noise.ts";

const PER_ADDRESS = 500;

const text = { type: "string" } as const;
const { values } = parseArgs({
  options: { port: text, key: text, payment: text, "half-open": text, "again-ms": text, "byte-ms": text },
});
const halfOpen = Number(values["half-open"]);
const noise = await Noise.start({
  port: Number(values.port),
  key: values.key ?? "",
  paymentId: values.payment ?? "",
  halfOpen,
  addresses: Array.from({ length: Math.ceil(halfOpen / PER_ADDRESS) }, (_, place) => `127.0.1.${place + 1}`),
  againMs: Number(values["again-ms"]),
  byteEveryMs: Number(values["byte-ms"]),
});
console.error("ready");
process.once("SIGTERM", () => {
  console.log(JSON.stringify({ cut: noise.cut }));
  process.exit();
});
