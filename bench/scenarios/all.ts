/** The scenarios in the order in which they are run. */
import type { Scenario } from "../scenario.ts";
import { fanOut1000, fanOut10000 } from "./fan-out.ts";

export const SCENARIOS: readonly Scenario[] = [fanOut1000, fanOut10000];
