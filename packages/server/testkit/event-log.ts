/**
 * The contract of `log/event-log.ts` and `log/store.ts` as tests. A store passes it with six lines:
 *
 *     testEventLog("SQLite", { twoInstances: true }, makeSqliteHome);
 */
import { describe } from "vitest";
import { testAccessTokens } from "./storing/access-tokens.ts";
import { testAddresses } from "./storing/addresses.ts";
import { testAppending } from "./storing/appending.ts";
import { testConcurrency } from "./storing/concurrency.ts";
import { testDueAndOpen } from "./storing/due-and-open.ts";
import { testErasing } from "./storing/erasing.ts";
import type { MakeHome, StoreCapabilities } from "./storing/home.ts";
import { testIdempotency } from "./storing/idempotency.ts";
import { testMerchants } from "./storing/merchants.ts";
import { testNotices } from "./storing/notices.ts";
import { testPayments } from "./storing/payments.ts";
import { testProducts } from "./storing/products.ts";
import { testReading } from "./storing/reading.ts";
import { testSessions } from "./storing/sessions.ts";
import { testSharedAddresses } from "./storing/shared-addresses.ts";
import { testStock } from "./storing/stock.ts";
import { testTogether } from "./storing/together.ts";

export function testEventLog(name: string, capabilities: StoreCapabilities, make: MakeHome): void {
  describe(`${name}: the contract of the log and its stores`, () => {
    testAppending(make);
    testTogether(make);
    testNotices(make);
    testReading(make);
    testConcurrency(make, capabilities);
    testPayments(make);
    testAddresses(make);
    testSharedAddresses(make);
    testDueAndOpen(make);
    testProducts(make);
    testStock(make, capabilities);
    testErasing(make);
    testIdempotency(make);
    testMerchants(make);
    testAccessTokens(make);
    testSessions(make);
  });
}
