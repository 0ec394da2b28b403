import { assert, assertEquals, assertMatch } from "@std/assert";
import * as base from "../base.ts";
import * as lock from "../lock.ts";
import * as mod from "../mod.ts";

const ROOT = new URL("../", import.meta.url);

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

Deno.test("mod.ts exports these names, and nothing else", () => {
  const classes = ["Base", "PsBase", "PsLock", "ResultSet", "Transaction", "View"];
  const errors = ["BaseError", "BaseExistsError", "BaseLockedError", "BaseNotFoundError"];
  errors.push("ClosedError", "ConflictError", "CorruptionError", "DeadlockError");
  errors.push("FormatVersionError", "LockTimeoutError", "PrimaryError", "ReadOnlyError");
  errors.push("RecordNotFoundError", "SchemaError", "UniqueError", "UpdateError", "WriteError");
  const functions = ["field", "json", "link", "transaction", "transactionSync"];
  assertEquals(Object.keys(mod).sort(), [...classes, ...errors, ...functions].sort());
  for (const part of [base, lock]) {
    for (const [name, value] of Object.entries(part)) {
      assertEquals((mod as Record<string, unknown>)[name], value, name);
    }
  }
  for (const name of errors) {
    const { prototype } = mod[name as "BaseError"];
    assert(name === "BaseError" || prototype instanceof mod.BaseError, name);
    assertEquals(new (mod[name as "BaseError"])(name).name, name);
  }
});

/** What stands between the verbs in the table of lock modes. */
const WORDS = new Set(["and", "the", "last", "step", "of"]);

/** The verbs by their mode, from the table in the documentation of `base.ts`. */
function lockModes(): Map<string, string> {
  const table = /```text\n([^`]*?)```/.exec(read("base.ts"))![1]!;
  const modes = new Map<string, string>();
  for (const line of table.split("\n")) {
    const [, mode, words] = /^ \* (\w+) +(.*)$/.exec(line) ?? [];
    for (const verb of words?.match(/\w+/g) ?? []) modes.set(verb, mode!);
  }
  return modes;
}

/** Public members of a base: methods and getters. */
function members(): string[] {
  return [mod.View, mod.Base].flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype))
    .filter((name) => name !== "constructor")
    .map((name) => name.replace(/Sync$/, ""));
}

Deno.test("Base has no verb that is missing from the table of lock modes", () => {
  const modes = lockModes();
  for (const verb of new Set(members())) {
    assert(modes.has(verb), `${verb} is not in the table at the head of base.ts`);
  }
  for (const verb of ["iteration", ...WORDS, ...members()]) modes.delete(verb);
  assertEquals([...modes.keys()], [], "only verbs are in the table");
  assertEquals(Object.getOwnPropertyNames(mod.PsBase.prototype), ["constructor"]);
});

Deno.test("the table of lock modes in docs/internals/overview.md is the one in base.ts", () => {
  const modes = lockModes();
  const [, section] = read("docs/internals/overview.md").split("\n## The lock mode of each verb\n");
  for (const mode of new Set(modes.values())) {
    const [, cell] = RegExp(`^\\| ${mode}\\b[^|]*\\|([^|]*)\\|$`, "m").exec(section!)!;
    const verbs = [...cell!.matchAll(/`(\w+)`|iteration/g)].map(([all, verb]) => verb ?? all);
    const expected = [...modes].filter(([verb, found]) => found === mode && !WORDS.has(verb));
    // The statics of the class have no mode in base.ts.
    const told = verbs.filter((verb) => !Object.hasOwn(mod.Base, verb) || modes.has(verb));
    assertEquals(told.toSorted(), expected.map(([verb]) => verb).toSorted(), mode);
  }
});

Deno.test("docs/reference.md names every verb", () => {
  const text = read("docs/reference.md");
  const missing = [...new Set(members())].filter((verb) =>
    !RegExp(`\`[^\`\\n]*\\b${verb}\\b`).test(text)
  );
  assertEquals(missing, []);
});

Deno.test("Base has a blocking twin of every verb that waits", () => {
  const names = new Set(Object.getOwnPropertyNames(mod.Base.prototype));
  const statics = new Set(Object.getOwnPropertyNames(mod.Base));
  const waiting = [...lockModes()].filter(([, mode]) => mode === "write" || mode === "lock");
  for (const verb of [...waiting.map(([verb]) => verb), "check", "cleanup"]) {
    if (names.has(verb)) assert(names.has(`${verb}Sync`), verb);
  }
  for (const verb of ["create", "open", "check", "salvage"]) {
    assert(statics.has(`${verb}Sync`), verb);
  }
});

Deno.test("mod.ts says so where Deno is too old", async () => {
  const script = `delete Deno.FsFile.prototype.tryLockSync; await import("${ROOT}mod.ts")`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] })
    .output();
  assertEquals(success, false);
  assertMatch(
    new TextDecoder().decode(stderr),
    /Cannot load psbase: this is Deno \S+, it needs 2\.7 or newer/,
  );
});

/** The files of the engine. */
function enginePaths(dir = "engine"): string[] {
  return [...Deno.readDirSync(new URL(`${dir}/`, ROOT))].flatMap(({ name, isDirectory }) =>
    isDirectory ? enginePaths(`${dir}/${name}`) : [`${dir}/${name}`]
  );
}

Deno.test("The store calls Deno's file API in engine/system/deno_file.ts only", () => {
  const harmless = ["errors", "build", "permissions", "pid", "hostname", "stdout", "consoleSize"];
  for (
    const path of ["mod.ts", "base.ts", "view.ts", "transaction.ts", "lock.ts", ...enginePaths()]
  ) {
    if (path === "engine/system/deno_file.ts") continue;
    const code = read(path).replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/\/\/.*/g, "");
    for (const [used, name] of code.matchAll(/\bDeno\b(?:\.(\w+))?/g)) {
      assert(harmless.includes(name!), `${path} uses ${used}`);
    }
    const foreign = /from "(?:node:(?!async_hooks)|npm:|jsr:@std\/fs|@std\/fs)/;
    assert(!foreign.test(code), `${path} bypasses the seam`);
  }
});

Deno.test("lock.ts imports no table", () => {
  assert(!/from ".*base\.ts"/.test(read("lock.ts")));
});
