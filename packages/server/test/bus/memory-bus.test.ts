import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { testBus } from "../../testkit/bus.ts";

testBus("MemoryBus", { hasOthers: false, open: async (onError) => new MemoryBus({ onError }) });
