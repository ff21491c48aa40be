/** How deep a parsed value is nested. Whoever walks a value later does so by recursion, which the stack bounds. */

/** Are arrays and objects nested more than `levels` deep? Looks level by level, so it is safe at any depth. */
export function isNestedDeeperThan(levels: number, value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= levels; depth += 1) {
    level = level
      .filter((inner) => typeof inner === "object" && inner !== null)
      .flatMap((inner) => Object.values(inner as object));
    if (level.length === 0) return false;
  }
  return true;
}
