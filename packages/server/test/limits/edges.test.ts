/**
 * Promise 6: a limit on everything, each with a test at its edge. The table of edges must have every limit: the
 * compiler refuses it otherwise, and so does the first test.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LIMITS, type LimitName } from "../../src/kit/limits.ts";
import { apiEdges } from "./api-edges.ts";
import { connectionEdges } from "./connection-edges.ts";
import { cryptoShopEdges } from "./crypto-shop-edges.ts";
import { databaseEdges } from "./database-edges.ts";
import { Edges, type EdgeTable } from "./edge.ts";
import { identipayEdges } from "./identipay-edges.ts";
import { pusherEdges } from "./pusher-edges.ts";
import { replayEdges } from "./replay-edges.ts";
import { requestEdges } from "./request-edges.ts";
import { tributaryEdges } from "./tributary-edges.ts";

const EDGES: EdgeTable<LimitName> = {
  ...requestEdges,
  ...connectionEdges,
  ...apiEdges,
  ...databaseEdges,
  ...replayEdges,
  ...identipayEdges,
  ...tributaryEdges,
  ...cryptoShopEdges,
  ...pusherEdges,
};

const NAMES = Object.keys(LIMITS) as LimitName[];

it("every limit has an edge, and every edge a limit", () => {
  expect(Object.keys(EDGES).sort()).toEqual([...NAMES].sort());
});

describe("exactly what is allowed is taken, and no more:", () => {
  let at: Edges;

  beforeEach(() => {
    at = new Edges();
  });
  afterEach(() => at.end());

  it.each(NAMES)("%s", (name) => EDGES[name](at));
});
