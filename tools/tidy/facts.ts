/** What the rules want to know of a syntax tree, gathered in one walk. */
import type { Node } from "@babel/types";

export interface ImportFact {
  /** As written: `./hub.ts`, `node:fs`, `ws`. */
  specifier: string;
  line: number;
}

export interface FunctionFact {
  name: string;
  line: number;
  /**
   * Lines from its first to its last. What is inside a `describe`, and test callbacks inside any function, are measured
   * by themselves and count here as the two lines that they begin and end on.
   */
  lines: number;
}

export interface CallFact {
  /** `console.log`, `Date.now`, … : object and property of a call. */
  callee: string;
  line: number;
}

export interface CodeFacts {
  imports: ImportFact[];
  functions: FunctionFact[];
  calls: CallFact[];
}

const TEST_CALLS = new Set(["describe", "it", "test", "beforeAll", "beforeEach", "afterAll", "afterEach"]);
const FUNCTIONS = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ObjectMethod",
  "ClassMethod",
  "ClassPrivateMethod",
]);

export function factsOf(program: Node): CodeFacts {
  const facts: CodeFacts = { imports: [], functions: [], calls: [] };
  visit(program, null, null, facts);
  return facts;
}

interface Open {
  fact: FunctionFact;
  /** The callback of a `describe`: a list of functions rather than one. */
  isSuite: boolean;
}

function visit(node: Node, parent: Node | null, enclosing: Open | null, facts: CodeFacts): void {
  const specifier = importedBy(node);
  if (specifier !== null) facts.imports.push({ specifier, line: lineOfNode(node) });
  const callee = calleeOf(node);
  if (callee !== null) facts.calls.push({ callee, line: lineOfNode(node) });

  let inside = enclosing;
  if (FUNCTIONS.has(node.type)) {
    const lines = (node.loc?.end.line ?? 0) - lineOfNode(node) + 1;
    const test = testCallOf(node, parent);
    inside = { fact: { name: nameOf(node, parent), line: lineOfNode(node), lines }, isSuite: test === "describe" };
    if (enclosing && (enclosing.isSuite || test !== null)) enclosing.fact.lines -= Math.max(lines - 2, 0);
    facts.functions.push(inside.fact);
  }
  for (const child of childrenOf(node)) visit(child, node, inside, facts);
}

function* childrenOf(node: Node): Iterable<Node> {
  for (const value of Object.values(node)) {
    if (isNode(value)) yield value;
    else if (Array.isArray(value)) yield* value.filter(isNode);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "loc" in value && "start" in value;
}

function lineOfNode(node: Node): number {
  return node.loc?.start.line ?? 1;
}

/** `import`, `export … from`, `import()`, and `new URL("./worker.ts", import.meta.url)`. */
function importedBy(node: Node): string | null {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
      return node.source.value;
    case "ExportNamedDeclaration":
      return node.source?.value ?? null;
    case "TSImportType":
      return "value" in node.argument && typeof node.argument.value === "string" ? node.argument.value : null;
    case "CallExpression":
      return node.callee.type === "Import" ? textOf(node.arguments[0]) : null;
    case "ImportExpression":
      return textOf(node.source);
    case "NewExpression":
      return node.callee.type === "Identifier" && node.callee.name === "URL" && node.arguments.length === 2
        ? textOf(node.arguments[0])
        : null;
    default:
      return null;
  }
}

function textOf(node: Node | null | undefined): string | null {
  return node?.type === "StringLiteral" ? node.value : null;
}

function calleeOf(node: Node): string | null {
  if (node.type === "NewExpression" && node.callee.type === "Identifier" && node.arguments.length === 0) {
    return `new ${node.callee.name}`;
  }
  if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return null;
  const { object, property } = node.callee;
  return object.type === "Identifier" && property.type === "Identifier" ? `${object.name}.${property.name}` : null;
}

/** `describe`, `it`, … (`it.each(…)` and their like too) when the function is its callback. */
function testCallOf(node: Node, parent: Node | null): string | null {
  if (parent?.type !== "CallExpression" || !(parent.arguments as Node[]).includes(node)) return null;
  let callee: Node = parent.callee;
  while (callee.type === "CallExpression" || callee.type === "MemberExpression") {
    callee = callee.type === "CallExpression" ? callee.callee : callee.object;
  }
  return callee.type === "Identifier" && TEST_CALLS.has(callee.name) ? callee.name : null;
}

function nameOf(node: Node, parent: Node | null): string {
  if (node.type === "FunctionDeclaration" && node.id) return node.id.name;
  const named = node.type === "ObjectMethod" || node.type === "ClassMethod" ? node.key : null;
  if (named?.type === "Identifier") return named.name;
  if (node.type === "ClassPrivateMethod") return `#${node.key.id.name}`;
  if (parent?.type === "VariableDeclarator" && parent.id.type === "Identifier") return parent.id.name;
  if (parent?.type === "CallExpression") return `callback of ${calleeText(parent.callee)}`;
  return "function";
}

function calleeText(callee: Node): string {
  if (callee.type === "Identifier") return callee.name;
  if (callee.type === "MemberExpression" && callee.property.type === "Identifier") return callee.property.name;
  return "a call";
}
