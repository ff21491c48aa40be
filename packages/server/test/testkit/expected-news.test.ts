/** What judges the clients of a run finds what was planted. */
import { describe, expect, it } from "vitest";
import { compareNews, type Told } from "../../testkit/expected-news.ts";

const told = (...words: string[]): Told[] => words.map((what) => ["order", what]);

describe("what clients were told, against what was to be told", () => {
  const story = told("pending", "paid", "pending", "paid again");

  it.each([
    ["on one connection", [story]],
    ["in pieces that follow each other", [story.slice(0, 2), story.slice(2)]],
    ["in pieces that overlap", [story.slice(0, 3), story.slice(1)]],
    ["with connections that heard nothing", [[], story, []]],
  ])("is complete %s", (_how, connections) => {
    expect(compareNews(connections, story)).toEqual({ missing: [], wrong: [] });
  });

  it("lacks what nobody heard", () => {
    expect(compareNews([story.slice(0, 2)], story).missing).toEqual(["order pending", "order paid again"]);
  });

  it.each([
    ["a gap", told("paid", "paid again")],
    ["a repetition", told("pending", "paid", "paid")],
    ["another order", told("paid", "pending", "pending")],
    ["what never was", told("cancelled")],
    ["more than there was", [...story, ...told("pending")]],
  ])("is wrong with %s on one connection", (_what, heard) => {
    expect(compareNews([story, heard], story).wrong).toHaveLength(1);
  });

  it("is wrong about a thing of which nothing was to be told", () => {
    expect(compareNews([[["stranger", "paid"]]], story).wrong).toEqual(["connection 0, stranger: paid; it was "]);
  });

  describe("where what is repeated is told once on a connection", () => {
    const repeated = told("one", "two", "one", "three", "two");
    const once = { once: true };

    it("is complete without the repetitions, wherever a connection began", () => {
      const connections = [told("one", "two", "three"), told("two", "one", "three"), told("three", "two")];
      for (const heard of connections) expect(compareNews([heard], repeated, once).wrong).toEqual([]);
      expect(compareNews(connections.slice(0, 1), repeated, once).missing).toEqual([]);
      expect(compareNews(connections.slice(2), repeated, once).missing).toEqual(["order one", "order one"]);
    });

    it.each([
      ["a repetition", told("one", "two", "one")],
      ["a gap", told("two", "three")],
      ["another order", told("three", "one")],
    ])("is wrong with %s", (_what, heard) => {
      expect(compareNews([heard], repeated, once).wrong).toHaveLength(1);
    });
  });
});
