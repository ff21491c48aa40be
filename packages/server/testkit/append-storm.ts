/** Payments that are changed for ever, until somebody kills the process. Prints each change after it was answered. */
import type { Payment } from "../src/payments/payment.ts";
import type { OpenStore } from "./storing/home.ts";
import { change, creation, recordsIn, samplePayment, sampleTransfer } from "./storing/samples.ts";

/** One answered change. */
export interface Acknowledged {
  paymentId: string;
  sequence: number;
  offset: number;
}

const CONCURRENT = 8;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A few at a time, each with a transfer per change, so that a commit holds more than one. */
export async function appendForEver({ log }: OpenStore): Promise<never> {
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
