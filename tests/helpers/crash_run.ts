/**
 * Verbs on a disk that is stopped after every operation, and what must be found there.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type FieldSpec, PsBase, type Transaction } from "../../mod.ts";
import { BaseNotFoundError } from "../../engine/system/errors.ts";
import { type CrashFiles, Disk } from "./crash_file.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

/** Where the table is. */
export const BASE = "/people";
/** Where its backup is. */
export const COPY = "/copy";
/** The fields that it is made with. */
export const SCHEMA = { name: "string", age: "integer" } as const;
/** What is found where no table is. */
export const NONE = "no base";

/** The type of a table in these tests. */
export type People = PsBase<typeof SCHEMA>;

/** Whether the tests are to take their time. */
export const LONG = Deno.env.get("PSBASE_LONG") === "1";
/** What random choices begin with; a failure prints it. */
export const SEED = Number(Deno.env.get("PSBASE_SEED") ?? (LONG ? Date.now() % 2 ** 31 : 1));

/** Opens the table as a process of its own. */
export function open(files: CrashFiles, options = {}): People {
  return openAt(files, BASE, options);
}

function openAt(files: CrashFiles, path: string, options = {}): People {
  return withFiles(files, () => PsBase.openSync(path, options)) as unknown as People;
}

/** Makes the table. */
export function create(files: CrashFiles, mode: "new" | "open" | "override" = "new"): People {
  return withFiles(files, () => PsBase.createSync(BASE, SCHEMA, { mode }));
}

/** A disk with a new table. */
export function newDisk(): Disk {
  const disk = new Disk();
  create(disk.process())[Symbol.dispose]();
  return disk;
}

/** A disk on which these verbs were called, each by a process of its own. */
export function diskAfter(...names: VerbName[]): Disk {
  const disk = newDisk();
  for (const name of names) VERBS[name](disk.process());
  return disk;
}

/** A disk whose table has a table with rows, and a log. */
export function oldDisk(): Disk {
  return diskAfter("insertMany", "insert", "cleanup", "update", "insert");
}

/** The fields of a table and how many changes it keeps, and all rows. */
export function text(base: People): string {
  return JSON.stringify([[base.schema, base.stats().keepChanges], [...base]]);
}

/** What a new process finds; it may leave no file open. */
export function look(disk: Disk, options = {}): string {
  return lookAt(disk, BASE, options);
}

/** As {@linkcode look}, at any path. */
export function lookAt(disk: Disk, path: string, options = {}): string {
  const files = disk.process();
  let base: People | undefined;
  try {
    base = openAt(files, path, options);
    return text(base);
  } catch (error) {
    if (error instanceof BaseNotFoundError) return NONE;
    throw error;
  } finally {
    base?.[Symbol.dispose]();
    assertEquals(files.opened.size, 0, "files that were left open");
  }
}

/** A form of a verb: the blocking one has `Sync` behind its name. */
export type Form = "" | "Sync";

/** A verb of an open table, with arguments for the table as it is: a call to be made. */
export type Act = (base: People, form: Form) => () => unknown;

type Method = Exclude<keyof People & string, `${string}Sync`>;

/** Calls a method with what `given` gives for the table as it is; nothing without it. */
function act(method: Method, given: (base: People) => unknown[] | undefined): Act {
  return (base, form) => {
    const args = given(base);
    const methods = base as unknown as Record<string, (...args: unknown[]) => unknown>;
    return () => args && methods[method + form]!(...args);
  };
}

/** A row of the fields that are there, of their types. */
function row(base: People, values: Record<string, unknown>): Record<string, unknown> {
  const known = Object.entries(values).filter(([name]) => name in base.schema);
  return Object.fromEntries(
    known.map(([name, value]) => [name, isText(base, name) ? String(value) : value]),
  );
}

function isText({ schema }: People, name: string): boolean {
  return (schema as Record<string, FieldSpec>)[name]!.type === "string";
}

/** The last field, if it is not the name. */
function lastField(base: People): [string] | undefined {
  const last = Object.keys(base.schema).slice(1).at(-1);
  return last === undefined ? undefined : [last];
}

/** Verbs of an open table. */
export const ACTS = {
  insert: act("insert", (base) => [row(base, { name: "homer", age: 39 })]),
  insertMany: act("insertMany", (base) => [
    Array.from({ length: 100 }, (_, i) => row(base, { name: `n${i}`, age: i })),
  ]),
  update: act("update", (base) => {
    return base.at(0) && [base.at(0), row(base, { age: 7, name: "x".repeat(1500) })];
  }),
  delete: act("delete", (base) => base.at(-1) && [base.at(-1)]),
  transaction: act("transaction", () => [(tx: Transaction<typeof SCHEMA>) => {
    tx.updateWhere({ name: "homer" }, { name: "bart" });
    tx.deleteWhere({ __id__: { gt: 70 } });
    tx.insert({ name: "last" });
  }]),
  addField: act("addField", ({ schema }) => [`f${Object.keys(schema).length}`, "float"]),
  dropField: act("dropField", (base) => lastField(base)),
  renameField: act("renameField", (base) => lastField(base)?.flatMap((name) => [name, `${name}_`])),
  setDefault: act("setDefault", ({ defaults }) => ["name", `${defaults.name}+`]),
  // Of numbers text, and of text numbers: rows are rewritten with the change of the fields.
  setType: act("setType", (base) => {
    return lastField(base)?.flatMap((name) => [name, isText(base, name) ? "float" : "string"]);
  }),
  setIndex: act(
    "setIndex",
    ({ schema }) => ["name", { index: !JSON.stringify(schema.name).includes("index") }],
  ),
  keepChanges: act("keepChanges", (base) => [base.stats().keepChanges + 1000]),
  commit: act("commit", () => []),
  cleanup: act("cleanup", () => []),
  backup: act("backup", () => [COPY]),
  destroy: act("destroy", () => []),
} satisfies Record<string, Act>;

/** Calls to try, each by a process that opens the table for it. */
export const VERBS = {
  ...Object.fromEntries(
    Object.entries(ACTS).map(([name, act]) => [name, (files: CrashFiles) => {
      using base = open(files);
      act(base, "Sync")();
    }]),
  ) as Record<keyof typeof ACTS, (files: CrashFiles) => void>,
  relaxed(files: CrashFiles) {
    using base = open(files, { durability: "relaxed" });
    ACTS.insert(base, "Sync")();
  },
  override: (files: CrashFiles) => create(files, "override")[Symbol.dispose](),
  create: (files: CrashFiles) => create(files, "open")[Symbol.dispose](),
};

/** The name of a verb. */
export type VerbName = keyof typeof VERBS;

/** Prints how much a test looked at. */
export function tell(what: string, counts: object = {}): void {
  const by = Object.entries(counts).map(([name, count]) => `, ${count} ${name}`).join("");
  Deno.stderr.writeSync(new TextEncoder().encode(`    ${what}${by}; seed ${SEED}\n`));
}
