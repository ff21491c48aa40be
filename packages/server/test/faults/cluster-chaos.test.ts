/**
 * Several servers on one database while everything that can be done to them is done, under load.
 */
import { test } from "vitest";
import type { FaultName } from "../../testkit/cluster/faults.ts";
import { FAULTS } from "../../testkit/cluster/faults.ts";
import { runCluster } from "../../testkit/cluster/run.ts";

const PAYMENTS = Number(process.env.FAULT_PAYMENTS ?? 1_000);
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const NODES = Number(process.env.FAULT_NODES ?? 3);
const only = process.env.FAULT_ONLY?.split(",") as FaultName[] | undefined;

test(`${PAYMENTS} payments on ${NODES} nodes (seed ${SEED})`, async () => {
  await runCluster({
    nodes: NODES,
    payments: PAYMENTS,
    pace: PAYMENTS / 120,
    seed: SEED,
    faults: only ?? (Object.keys(FAULTS) as FaultName[]),
    say: (line) => process.stdout.write(`${line}\n`),
  });
}, 900_000);
