import { assert, assertEquals, assertMatch } from "@std/assert";
import { compileWithModule } from "../../tools/eager.ts";

const MODULE = `
export const early = helper(1);
function helper(x) { return inner(x) * 2; }
function inner(x) { return x + 1; }
export async function* count(n) { for (let i = 0; i < n; i++) yield i; }
export class Base {
  #secret = 1;
  static #made = 0;
  kind = "base";
  constructor() { Base.#made++; }
  get secret() { return this.#read(); }
  set secret(value) { this.#secret = value; }
  #read(more = 0) { return this.#secret + more; }
  #twice = () => this.#read(this.#read());
  twice() { return this.#twice(); }
  static made() { return Base.#count(); }
  static #count() { return this.#made; }
  delete(...ids) { return ids.length; }
  *[Symbol.iterator]() { yield this.secret; }
  static has(value) { return #secret in value; }
  fail() { throw new Error("told"); }
}
export class Derived extends Base {
  twice() { return super.twice() + 1; }
  shadow(shadow) { return shadow; }
  async later() { return await Promise.resolve([...this]); }
}
export const plain = { method(a) { return a; }, get got() { return 5; }, arrow: (a) => a };
const { other = (a) => a + 1 } = {};
export { other };
`;

let uses = 0;

/** What a module does; each is a module of its own, though its code may be the same. */
async function use(code: string): Promise<unknown[]> {
  const { Base, Derived, early, count, plain, other } = await import(
    `data:application/javascript,${encodeURIComponent(`${code}// ${uses++}`)}`
  );
  const base = new Base();
  base.secret = 20;
  const derived = new Derived();
  return [
    ...[early, base.secret, base.twice(), derived.twice(), Base.made(), base.delete(1, 2), [
      ...base,
    ]],
    ...[Base.has(base), Base.has({}), derived.shadow(3), await derived.later(), base.kind],
    ...[await Array.fromAsync(count(3)), plain.method(4), plain.got, plain.arrow(6), other(1)],
    ...[Base.name, Derived.name, base.twice.name, Object.keys(base), Object.keys(Base.prototype)],
    Object.getOwnPropertyDescriptor(Base.prototype, "twice")!.enumerable,
    ...[String(Object.getOwnPropertyDescriptor(Base.prototype, "secret")!.set !== undefined)],
  ];
}

Deno.test("compileWithModule() changes nothing of what a module does, whatever is marked", async () => {
  const ends = Array.from(MODULE, (_, i) => i).filter((i) => MODULE[i - 1] === "}");
  const wanted = await use(MODULE);
  assertEquals(await use(compileWithModule(MODULE, () => true)), wanted);
  assertEquals(await use(compileWithModule(MODULE, () => false)), wanted);
  for (const end of ends) {
    assertEquals(await use(compileWithModule(MODULE, (other) => other === end)), wanted, `${end}`);
    assertEquals(await use(compileWithModule(MODULE, (other) => other !== end)), wanted, `${end}`);
  }
});

Deno.test("compileWithModule() puts what is marked into parentheses, and keeps private names", () => {
  const code = compileWithModule(MODULE, () => true);
  assertMatch(code, /^var helper=\(function helper\(x\)/);
  assertMatch(code, /static #read=\(function read\(more = 0\)/);
  assertMatch(code, /Base\.#read\.call\(this,Base\.#read\.call\(this\)\)/);
  assert(code.includes("#secret"));
  // A method with super stays one.
  assertMatch(code, /\btwice\(\) \{ return super\.twice/);
});

Deno.test("compileWithModule() leaves names in stack traces", async () => {
  const { Base } = await import(
    `data:application/javascript,${encodeURIComponent(compileWithModule(MODULE, () => true))}`
  );
  try {
    new Base().fail();
  } catch (error) {
    assertMatch((error as Error).stack!, /at Base\.fail/);
  }
});
