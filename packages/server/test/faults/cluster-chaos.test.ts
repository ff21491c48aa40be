/**
 * Several servers on one PostgreSQL and one Redis while everything happens to them that may happen to processes, databases
 * and networks, under load: kill -9 and SIGSTOP of nodes and of the one that watches the chain, both databases ended and
 * started, lines to them reset, slow, silent or without answers, and a rolling restart (`testkit/cluster/faults.ts`).
 * Promises 1, 2, 3, 5 and 7.
 *
 * Clients of all wires listen through a balancer. At the end those with a cursor have the whole history, each event once;
 * those of Crypto Shop, Tributary and Transak everything at least once, in order on each connection; those of identiPay and
 * Blockonomics the last state, and none went backwards. Every payment is what its merchant's doings and the chain make of it,
 * every unit of stock is accounted for, requests that were answered have their effect once, and no node has written for the
 * chain while another held its lease.
 *
 * FAULT_SEED repeats the order of a run; FAULT_PAYMENTS and FAULT_NODES make it larger (5,000 on four nodes take five to ten
 * minutes on two processors); FAULT_ONLY names faults, with commas between. The output ends with a table of what was done,
 * and of what each wire was told.
 */
import { test } from "vitest";
import { FAULTS, type FaultName } from "../../testkit/cluster/faults.ts";
import { runCluster } from "../../testkit/cluster/run.ts";

const PAYMENTS = Number(process.env.FAULT_PAYMENTS ?? 1_000);
const NODES = Number(process.env.FAULT_NODES ?? 3);
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
/** Time for all faults, on an idle machine, seconds. */
const FAULTS_SECONDS = 120;

const all = Object.keys(FAULTS) as FaultName[];
const named = process.env.FAULT_ONLY?.split(",");
const faults = named ? all.filter((name) => named.includes(name)) : all;

test(`${PAYMENTS} payments on ${NODES} nodes and ${faults.length} faults (seed ${SEED}): nothing lost, nothing twice, nothing untrue`, async () => {
  await runCluster({
    nodes: NODES,
    payments: PAYMENTS,
    pace: PAYMENTS / FAULTS_SECONDS,
    seed: SEED,
    faults,
    say: (line) => process.stdout.write(`${line}\n`),
  });
}, 1_800_000);
