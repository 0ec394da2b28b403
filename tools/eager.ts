/**
 * Makes V8 keep the compiled code of functions.
 *
 * Deno stores the code that V8 compiles with a module, and the next process takes it from there.
 * V8 compiles a function with its module only if it is a function expression in parentheses; a
 * method or a declaration is compiled when it is first called, again in every process. So functions
 * that a short-lived process calls are written as such expressions:
 *
 * ```text
 * function f() {…}         var f = (function f() {…});       at the top of the module
 * (x) => …                 ((x) => …)
 * class { m() {…} }        class { static { Object.defineProperties(this.prototype,
 *                                    { m: { value: (function m() {…}), … } }) } }
 * class C { #m() {…} }     class C { static #m = (function m() {…}) }    this.#m() → C.#m.call(this)
 * ```
 *
 * Private names stay private, and names of functions stay in stack traces. Constructors, and methods
 * that use `super`, stay as they are.
 *
 * @module
 */

import * as acorn from "acorn";

// deno-lint-ignore no-explicit-any -- a syntax tree has nodes of some seventy types
type Node = acorn.Node & Record<string, any>;

/** Words that JavaScript keeps to itself: a method may have such a name, a function may not. */
const RESERVED = new Set(
  ("arguments async await break case catch class const continue debugger default delete do else " +
    "enum eval export extends false finally for function get if implements import in instanceof " +
    "interface let new null of package private protected public return set static super switch " +
    "this throw true try typeof var void while with yield").split(" "),
);

function childrenOf(node: Node): Node[] {
  return Object.values(node).flat()
    .filter((value): value is Node => typeof value?.type === "string")
    .sort((a, b) => a.start - b.start);
}

function* within(node: Node): Generator<Node> {
  yield node;
  for (const child of childrenOf(node)) yield* within(child);
}

/** Whether a function needs to know which class it is a method of. */
function usesSuper(node: Node): boolean {
  if (node.type === "Super") return true;
  return node.type !== "ClassBody" && childrenOf(node).some(usesSuper);
}

/**
 * Writes functions of a module so that V8 compiles them with it.
 *
 * @param code The module, in JavaScript.
 * @param isMarked Which functions, by where they end in `code`.
 */
export function compileWithModule(code: string, isMarked: (end: number) => boolean): string {
  const ast: Node = acorn.parse(code, { ecmaVersion: "latest", sourceType: "module" });
  const parents = new Map<Node, Node>();
  for (const node of within(ast)) {
    for (const child of childrenOf(node)) if (!parents.has(child)) parents.set(child, node);
  }

  /** The name that a function expression can have: none that its own code means something else by. */
  const nameFor = (name: unknown, fn: Node): string => {
    if (typeof name !== "string" || !/^[A-Za-z_$][\w$]*$/.test(name) || RESERVED.has(name)) {
      return "";
    }
    for (const node of within(fn)) {
      if (node.type !== "Identifier" || node.name !== name) continue;
      const parent = parents.get(node)!;
      const isProperty = parent.type === "MemberExpression"
        ? parent.property === node && !parent.computed
        : ["Property", "MethodDefinition"].includes(parent.type) && parent.key === node &&
          !parent.computed && !parent.shorthand;
      if (!isProperty) return "";
    }
    return ` ${name}`;
  };
  const head = (fn: Node, name: string) =>
    `(${fn.async ? "async " : ""}function${fn.generator ? "*" : ""}${name}`;

  // ------------------------------------------------------------- private methods

  const isOwn = (body: Node, name: string) =>
    body.body.some(({ key }: Node) => key?.type === "PrivateIdentifier" && key.name === name);

  /** Whether each use of a private name is a call, and no class within the class has the name. */
  const isOnlyCalled = (body: Node, { key }: Node) => {
    for (const node of within(body)) {
      if (node.type === "ClassBody" && node !== body && isOwn(node, key.name)) return false;
      if (node.type !== "PrivateIdentifier" || node.name !== key.name || node === key) continue;
      const member = parents.get(node)!;
      const call = parents.get(member)!;
      const isCall = member.type === "MemberExpression" && !member.optional &&
        call.type === "CallExpression" && call.callee === member && !call.optional;
      if (!isCall) return false;
    }
    return true;
  };

  /** By class body: the private methods that become static functions. */
  const moved = new Map<Node, ReadonlySet<string>>();
  for (const body of within(ast)) {
    if (body.type !== "ClassBody") continue;
    const hasName = parents.get(body)!.id != null;
    const methods: Node[] = body.body.filter((member: Node) =>
      hasName && member.type === "MethodDefinition" && member.kind === "method" &&
      member.key.type === "PrivateIdentifier" && !member.static &&
      isMarked(member.value.end) && !usesSuper(member.value) && isOnlyCalled(body, member)
    );
    moved.set(body, new Set(methods.map(({ key }) => key.name)));
  }

  /** The name of the class whose static function a private method became. */
  const ownerOf = (node: Node, name: string): string | undefined => {
    for (let at: Node | undefined = node; at !== undefined; at = parents.get(at)) {
      if (at.type !== "ClassBody") continue;
      if (moved.get(at)!.has(name)) return parents.get(at)!.id.name;
      if (isOwn(at, name)) return undefined;
    }
    return undefined;
  };

  // ------------------------------------------------------------- writing

  const hoisted: string[] = [];
  const write = (node: Node): string => rewritten(node) ?? copied(node);

  /** A node as it is, but for what is in it. */
  const copied = (node: Node, from = node.start, to = node.end): string => {
    let text = "";
    let at = from;
    for (const child of childrenOf(node)) {
      if (child.start < at) continue; // written already: the shorthand `{ a }` is key and value
      text += code.slice(at, child.start) + write(child);
      at = child.end;
    }
    return text + code.slice(at, to);
  };

  /** What a node becomes; `undefined` if only what is in it may change. */
  const rewritten = (node: Node): string | undefined => {
    switch (node.type) {
      case "ClassBody":
        return classBody(node);
      case "CallExpression": {
        const { callee } = node;
        if (callee.type !== "MemberExpression" || callee.property.type !== "PrivateIdentifier") {
          return undefined;
        }
        const { name } = callee.property;
        const owner = ownerOf(node, name);
        if (owner === undefined) return undefined;
        return `${owner}.#${name}.call(${[callee.object, ...node.arguments].map(write).join(",")})`;
      }
      case "FunctionDeclaration":
        if (parents.get(node)!.type !== "Program" || !isMarked(node.end)) return undefined;
        // As a declaration, it is there before the code that stands above it runs.
        hoisted.push(
          `${node.id.name}=${head(node, ` ${node.id.name}`)}${copied(node, node.id.end)})`,
        );
        return "";
      case "ArrowFunctionExpression":
      case "FunctionExpression": {
        const parent = parents.get(node)!;
        const isMethod = parent.type === "MethodDefinition" ||
          (parent.type === "Property" && (parent.method || parent.kind !== "init"));
        return isMethod || !isMarked(node.end) ? undefined : `(${copied(node)})`;
      }
      case "Property": {
        const { key, value } = node;
        const isPlain = node.method && !node.computed && key.type === "Identifier";
        if (!isPlain || !isMarked(value.end) || usesSuper(value)) return undefined;
        return `${key.name}:${head(value, nameFor(key.name, value))}${copied(value)})`;
      }
      default:
        return undefined;
    }
  };

  /** Gives a class that esbuild wrote as `var C = class _C` its name back, for stack traces. */
  const nameOf = (body: Node): string => {
    const { id } = parents.get(body)!;
    const name = parents.get(parents.get(body)!)?.id?.name;
    if (id == null || name === undefined || id.name !== `_${name}`) return "";
    return `Object.defineProperty(this,"name",{value:"${name}",configurable:!0});`;
  };

  const classBody = (body: Node): string => {
    const instance = new Map<string, string[]>();
    const own = new Map<string, string[]>();
    let functions = "";
    let rest = "";
    let at = body.start + 1;
    for (const member of body.body as Node[]) {
      const { key, kind, value } = member;
      const isCandidate = member.type === "MethodDefinition" && kind !== "constructor" &&
        !member.computed && isMarked(value.end) && !usesSuper(value);
      rest += code.slice(at, member.start);
      at = member.end;
      if (isCandidate && key.type !== "PrivateIdentifier") {
        const name = JSON.stringify(key.name ?? key.value);
        const part = kind === "method"
          ? `value:${head(value, nameFor(key.name, value))}`
          : `${kind}:${head(value, "")}`;
        const map = member.static ? own : instance;
        map.set(name, [...map.get(name) ?? [], `${part}${copied(value)})`]);
      } else if (
        isCandidate && (moved.get(body)!.has(key.name) || (member.static && kind === "method"))
      ) {
        functions += `static #${key.name}=${head(value, nameFor(key.name, value))}${
          copied(value)
        });`;
      } else rest += write(member);
    }
    rest += code.slice(at, body.end - 1);
    const define = (target: string, map: ReadonlyMap<string, readonly string[]>) => {
      if (map.size === 0) return "";
      const properties = Array.from(map, ([name, parts]) => {
        const writable = parts[0]!.startsWith("value:") ? "writable:!0," : "";
        return `${name}:{${parts.join(",")},${writable}configurable:!0}`;
      });
      return `Object.defineProperties(${target},{__proto__:null,${properties.join(",")}});`;
    };
    const block = nameOf(body) + define("this.prototype", instance) + define("this", own);
    return `{${functions}${block && `static{${block}}`}${rest}}`;
  };

  const text = copied(ast, 0, code.length);
  return (hoisted.length > 0 ? `var ${hoisted.join(",")};` : "") + text;
}
