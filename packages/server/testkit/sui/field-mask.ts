/** `google.protobuf.FieldMask`: of a message only what was asked for. Names are those of the .proto file. */
import type { IMessageType } from "@protobuf-ts/runtime";

type Tree = Map<string, Tree>;

/** `paths` like `summary.timestamp`; a path without what is below it means all of it. */
export function masked<T extends object>(type: IMessageType<T>, message: T, paths: readonly string[]): T {
  const root: Tree = new Map();
  for (const path of paths) {
    let branch = root;
    for (const name of path.split(".")) {
      const next: Tree = branch.get(name) ?? new Map();
      branch.set(name, next);
      branch = next;
    }
  }
  return pruned(type, message, root) as T;
}

function pruned(type: IMessageType<object>, message: object, tree: Tree): object {
  const kept: Record<string, unknown> = {};
  for (const field of type.fields) {
    const below = tree.get(field.name);
    const value = (message as Record<string, unknown>)[field.localName];
    if (below === undefined || value === undefined) continue;
    if (field.kind !== "message" || below.size === 0) kept[field.localName] = value;
    else if (Array.isArray(value)) kept[field.localName] = value.map((each) => pruned(field.T(), each, below));
    else kept[field.localName] = pruned(field.T(), value as object, below);
  }
  return type.create(kept);
}
