/** The scenarios in the order in which they are run. */
import type { Scenario } from "../scenario.ts";
import { blockMatch } from "./block-match.ts";
import { chainFollow } from "./chain-follow.ts";
import { durableEvents, durableEventsBatched, eventLatency } from "./durable-events.ts";
import { fanOut1000, fanOut10000 } from "./fan-out.ts";
import { flatProfile } from "./flat-profile.ts";
import { idleMemory } from "./idle-memory.ts";
import { nodes } from "./nodes.ts";
import { noisyNeighbours } from "./noisy-neighbours.ts";
import { payingBlock } from "./paying-block.ts";
import { reconnectStorm } from "./reconnect-storm.ts";
import { replay } from "./replay.ts";
import { socketIoAndPusher } from "./socketio-and-pusher.ts";

export const SCENARIOS: readonly Scenario[] = [
  fanOut1000,
  fanOut10000,
  durableEvents,
  durableEventsBatched,
  eventLatency,
  nodes,
  flatProfile,
  idleMemory,
  blockMatch,
  payingBlock,
  chainFollow,
  reconnectStorm,
  noisyNeighbours,
  replay,
  socketIoAndPusher,
];
