/** What a parsed value is like, before anybody walks it by recursion, which the stack bounds. */

export interface JsonShape {
  /** Arrays and objects within each other; 0 for a bare value. */
  depth: number;
  /** Arrays, objects and bare values in it, itself included. */
  values: number;
  /** `false`: it has a number like 1e999, which JavaScript reads as infinite and writes as null. */
  finite: boolean;
}

/** Looks level by level, so it is safe at any depth; it stops looking one level below `maxDepth`. */
export function shapeOf(value: unknown, maxDepth: number): JsonShape {
  const shape: JsonShape = { depth: 0, values: 0, finite: true };
  for (let level = [value]; ; shape.depth += 1) {
    shape.values += level.length;
    shape.finite &&= !level.some((inner) => typeof inner === "number" && !Number.isFinite(inner));
    const deeper = level.filter((inner) => typeof inner === "object" && inner !== null);
    if (deeper.length === 0 || shape.depth > maxDepth) return shape;
    level = deeper.flatMap((inner) => Object.values(inner as object));
  }
}
