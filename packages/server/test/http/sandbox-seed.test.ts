/** The sandbox's constants, made by nodes that start at the same moment. */
import { expect, test } from "vitest";
import { hashKey, SANDBOX_ACCESS_TOKEN, SANDBOX_PUBLISHABLE_KEY, SANDBOX_SECRET_KEY } from "../../src/http/keys.ts";
import { SANDBOX_MERCHANT_ID, seedSandbox } from "../../src/http/sandbox-seed.ts";
import type { MerchantStore } from "../../src/log/store.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";

const server = usePostgres();
const clock = { nowMs: () => 1_700_000_000_000 };
const NODES = 3;

/** Each of the first answers waits until every node has asked: none of them finds what another one makes. */
function inStep(nodes: number): (merchants: MerchantStore) => MerchantStore {
  const round = () => ({ asked: 0, all: Promise.withResolvers<void>() });
  const waiting = new Map<keyof MerchantStore, ReturnType<typeof round>>([
    ["merchant", round()],
    ["keys", round()],
  ]);
  return (merchants) =>
    new Proxy(merchants, {
      get(store, name: keyof MerchantStore) {
        const method = store[name] as (...args: unknown[]) => Promise<unknown>;
        return async (...args: unknown[]) => {
          const answer = await method.apply(store, args);
          const others = waiting.get(name);
          if (!others || others.asked === nodes) return answer;
          others.asked += 1;
          if (others.asked === nodes) others.all.resolve();
          await others.all.promise;
          return answer;
        };
      },
    });
}

test("nodes that start at once on an empty database make the merchant, his keys and his token once", async () => {
  const url = await server().createDatabase();
  const databases = await Promise.all(Array.from({ length: NODES }, () => openPostgres(url)));
  const together = inStep(NODES);
  const stores = databases.map((database) => postgresStoresOn(database).merchants);
  await Promise.all(stores.map((merchants) => seedSandbox(together(merchants), clock)));
  const [merchants] = stores as [MerchantStore];
  const keys = await merchants.keys(SANDBOX_MERCHANT_ID);
  const wanted = [SANDBOX_SECRET_KEY, SANDBOX_PUBLISHABLE_KEY].map(hashKey);
  expect(keys.map(({ hash }) => hash).sort()).toEqual(wanted.sort());
  expect(await merchants.accessTokens(SANDBOX_MERCHANT_ID)).toMatchObject([{ token: SANDBOX_ACCESS_TOKEN }]);
  await Promise.all(databases.map((database) => database.close()));
  await server().dropDatabase(url);
});

test("why the constants cannot be made is said, where nobody else has made them", async () => {
  const url = await server().createDatabase();
  const database = await openPostgres(url);
  const { merchants } = postgresStoresOn(database);
  const full = new Proxy(merchants, {
    get(store, name: keyof MerchantStore) {
      if (name === "createMerchant") return () => Promise.reject(new Error("disk full"));
      return (store[name] as (...args: unknown[]) => unknown).bind(store);
    },
  });
  await expect(seedSandbox(full, clock)).rejects.toThrow("disk full");
  await database.close();
  await server().dropDatabase(url);
});
