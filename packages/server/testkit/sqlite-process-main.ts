/** The program of `sqlite-process.ts`. */
import type { Payment } from "../src/payments/payment.ts";
import { keepShopForEver } from "./shop-storm.ts";
import { openSqlite, storesOn } from "./sqlite-home.ts";
import type { Acknowledged, Task } from "./sqlite-process.ts";
import type { OpenStore } from "./storing/home.ts";
import { change, creation, recordsIn, samplePayment, sampleTransfer } from "./storing/samples.ts";

const CONCURRENT = 8;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A few at a time, each with a transfer per change, so that a commit holds more than one. */
async function appendForEver({ log }: OpenStore): Promise<never> {
  const acknowledge = async (command: ReturnType<typeof change>): Promise<Payment> => {
    for (const { paymentId, sequence, offset } of recordsIn(await log.append([command]))) {
      say(JSON.stringify({ paymentId, sequence, offset } as Acknowledged));
    }
    return command.payment;
  };
  for (;;) {
    await Promise.all(
      Array.from({ length: CONCURRENT }, async () => {
        let payment = await acknowledge(creation(samplePayment()));
        for (let changes = 0; changes < 5; changes += 1) {
          payment = await acknowledge(change(payment, {}, { transfers: [sampleTransfer(payment)] }));
        }
      }),
    );
  }
}

const [dataDir, task] = process.argv.slice(2) as [string, Task];
if (task === "shop") await keepShopForEver(dataDir);
const database = await openSqlite(dataDir, { exclusive: true });
if (task === "append") await appendForEver(storesOn(database));
say("open");
