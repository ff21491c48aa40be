/** Limits of Crypto Shop's own. */
import { expect } from "vitest";
import { CryptoShopClient } from "../../testkit/clients/crypto-shop-client.ts";
import type { ClientOptions } from "../../testkit/clients/socketio.ts";
import type { Edges, EdgeTable } from "./edge.ts";

async function connect(at: Edges, url: string, options: ClientOptions = {}): Promise<CryptoShopClient> {
  const client = new CryptoShopClient(url, options);
  at.onEnd(() => client.close());
  await client.io.connected();
  return client;
}

export const cryptoShopEdges: EdgeTable<"cryptoShopRoomsPerConnection" | "rememberedSessions"> = {
  cryptoShopRoomsPerConnection: async (at) => {
    const server = await at.start({ cryptoShopRoomsPerConnection: 2 });
    const client = await connect(at, server.url);
    client.join("one");
    client.io.socket.emit("join-products");
    client.join("one");
    await client.settled();
    expect(client.errors).toEqual(["invalid_request"]);
    client.join("two");
    await client.hears("error", 2);
    expect(client.errors.at(-1)).toBe("too_many_subscriptions");
  },

  rememberedSessions: async (at) => {
    const server = await at.start({ rememberedSessions: 2 });
    const pids: (string | null)[] = [];
    for (const user of ["one", "two", "three"]) {
      const client = await connect(at, server.url);
      client.join(user);
      await client.settled();
      pids.push(client.pid);
      client.close();
    }
    for (const customer of ["one", "two", "three"]) await server.payment({ customer });
    const told = async (pid: string | null | undefined) => {
      const client = await connect(at, server.url, { auth: { pid } });
      await client.settled();
      return client.bodies("order:updated").length;
    };
    // Coming back stores a session again, so the one that is forgotten is looked at last.
    expect([await told(pids[1]), await told(pids[2]), await told(pids[0])]).toEqual([1, 1, 0]);
  },
};
