import { beforeEach } from "vitest";
import { testBus } from "../../testkit/bus.ts";
import { useRedis } from "../../testkit/redis.ts";
import { anyPrefix, redisBus, redisIsThere } from "../../testkit/redis-nodes.ts";

const server = useRedis();
let prefix = "";
beforeEach(() => {
  prefix = anyPrefix();
});

testBus("RedisBus", {
  hasOthers: true,
  open: (onError) => redisIsThere(redisBus(server().url, { prefix, onError })),
});
