/** Access tokens: one signs, one waits to follow it. */
import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import type { AccessToken } from "../../src/log/store.ts";
import { type MakeHome, openForAll } from "./home.ts";

const LIFE_MS = 1_000;

export function testAccessTokens(make: MakeHome): void {
  describe("access tokens", () => {
    const store = openForAll(make);
    let merchantId: string;
    beforeEach(async () => {
      merchantId = randomUUID();
      await store().merchants.createMerchant({ id: merchantId, name: "Tokens", createdAtMs: 1, xpubs: {} });
    });

    const fresh = (createdAtMs: number, expiresAtMs: number | null = createdAtMs + LIFE_MS): AccessToken => {
      const token = randomUUID();
      return { merchantId, token, hash: `hash of ${token}`, createdAtMs, expiresAtMs };
    };
    const issue = (token: AccessToken, revokeOlder = false) =>
      store().merchants.issueAccessToken(token, { revokeOlder });
    const kept = () => store().merchants.accessTokens(merchantId);

    test("an access token is found by its hash, the oldest first, and by no other merchant", async () => {
      const [first, second] = [fresh(1), fresh(2)];
      expect(await issue(first)).toEqual(first);
      expect(await issue(second)).toEqual(second);
      expect(await kept()).toEqual([first, second]);
      expect(await store().merchants.accessTokenByHash(second.hash)).toEqual(second);
      expect(await store().merchants.accessTokenByHash("unknown")).toBeNull();
      expect(await store().merchants.accessTokens(randomUUID())).toEqual([]);
    });

    test("while one waits behind the one that is good, it is the one that everybody gets", async () => {
      const [first, second] = [await issue(fresh(1)), await issue(fresh(2))];
      const asked = await Promise.all([issue(fresh(3)), issue(fresh(4)), issue(fresh(1_000))]);
      expect(asked).toEqual([second, second, second]);
      expect(await kept()).toEqual([first, second]);
      const third = fresh(1_001);
      expect(await issue(third)).toEqual(third);
      expect(await kept()).toEqual([second, third]);
    });

    test("of two made in one moment the later one waits", async () => {
      const [first, second] = [await issue(fresh(5)), await issue(fresh(5))];
      expect((await kept()).map(({ token }) => token)).toEqual([first.token, second.token]);
    });

    test("the last one stays when it has expired, until there is another", async () => {
      const first = await issue(fresh(1));
      expect(await kept()).toEqual([first]);
      const second = await issue(fresh(1 + LIFE_MS));
      expect(await kept()).toEqual([second]);
      expect(await store().merchants.accessTokenByHash(first.hash)).toBeNull();
    });

    test("older ones are revoked on request", async () => {
      await issue(fresh(1));
      await issue(fresh(2));
      const only = await issue(fresh(3), true);
      expect(await kept()).toEqual([only]);
    });

    test("one that never expires is the only one, whatever is asked for", async () => {
      await issue(fresh(1));
      const forever = await issue(fresh(2, null), true);
      expect(await issue(fresh(3))).toEqual(forever);
      expect(await issue(fresh(4), true)).toEqual(forever);
      expect(await kept()).toEqual([forever]);
    });

    test("there is none of a merchant who is not there", async () => {
      await expect(issue({ ...fresh(1), merchantId: randomUUID() })).rejects.toThrow();
    });
  });
}
