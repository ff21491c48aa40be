/** A chain of the kind `bitcoin`. */
import { Type } from "typebox";
import { ALLOWED } from "../../kit/strict-schema.ts";
import { confirmations, pollIntervalMs, strict } from "./common.ts";

const endpoint = (description: string) =>
  Type.String({ pattern: "^tcp://.+:[0-9]{1,5}$", [ALLOWED]: "an endpoint like tcp://127.0.0.1:28332", description });

export const Bitcoin = Type.Object(
  {
    kind: Type.Literal("bitcoin"),
    network: Type.Unsafe<string>({ type: "string", enum: ["mainnet", "testnet", "signet", "regtest"] }),
    rpcUrl: Type.String({
      pattern: "^https?://.+$",
      [ALLOWED]: "a URL like http://127.0.0.1:8332",
      description: "bitcoind's JSON-RPC.",
    }),
    rpcUser: Type.Optional(Type.String({ minLength: 1, description: "Together with rpcPassword." })),
    rpcPassword: Type.Optional(Type.String({ minLength: 1, description: "Together with rpcUser." })),
    rpcCookieFile: Type.Optional(Type.String({ minLength: 1, description: "bitcoind's .cookie, in place of both." })),
    zmq: Type.Optional(
      Type.Object(
        { rawtx: endpoint("zmqpubrawtx of bitcoind."), sequence: endpoint("zmqpubsequence of bitcoind.") },
        { ...strict, description: "News within milliseconds. Without it the node is polled." },
      ),
    ),
    pollIntervalMs: pollIntervalMs(5_000),
    ...confirmations(2, 6),
  },
  { ...strict, title: "bitcoin", description: "Bitcoin, watched over bitcoind." },
);
