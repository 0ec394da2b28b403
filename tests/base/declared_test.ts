/**
 * Handles that were given a schema, while others change the fields: each call works as the schema
 * says, or throws.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type AnyBase,
  Base,
  link,
  PsBase,
  SchemaError,
  type Transaction,
  UniqueError,
  type View,
  WriteError,
} from "../../mod.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const LONG = Deno.env.get("PSBASE_LONG") !== undefined;
const SCHEMA = {
  plan: { type: "string", unique: true },
  n: "integer",
  boss: link("self"),
} as const;
type People = PsBase<typeof SCHEMA>;

/** A handle as another process would have it. */
function another(path: string): PsBase {
  return withFiles({ ...denoFiles }, () => PsBase.openSync(path));
}

/** Another process changes the fields. */
function alter(path: string, change: (db: PsBase) => unknown): void {
  using db = another(path);
  change(db);
}

// --------------------------------------------------------------- every verb

/** All that reads, of a table as of a snapshot or a transaction. */
const READS: Record<string, (view: View<typeof SCHEMA>) => unknown> = {
  schema: (view) => view.schema,
  defaults: (view) => view.defaults,
  get: (view) => view.get(0),
  at: (view) => view.at(0),
  has: (view) => view.has(0),
  keys: (view) => view.keys(),
  size: (view) => view.size,
  sequence: (view) => view.sequence,
  iterate: (view) => [...view],
  select: (view) => view.select(),
  count: (view) => view.count(() => true),
  sum: (view) => view.sum("n"),
  avg: (view) => view.avg("n"),
  min: (view) => view.min("n"),
  max: (view) => view.max("n"),
  distinct: (view) => view.distinct("n"),
  groupBy: (view) => view.groupBy("n", { rows: "count" } as never),
  explain: (view) => view.explain(),
};

/** All that writes, but for fields; each with arguments that fit whatever the fields are. */
const WRITES: Record<string, unknown[]> = {
  insert: [{}],
  insertMany: [[{}, {}]],
  insertAsStrings: [{}],
  update: [0, () => ({})],
  updateWhere: [{}, {}],
  upsert: [{ plan: "b" }, {}],
  delete: [0],
  deleteWhere: [{}],
};

/** All that a table has besides. */
const OTHERS: Record<string, (db: People) => unknown> = {
  stats: (db) => db.stats(),
  snapshot: (db) => db.snapshot(() => {}),
  transaction: (db) => db.transaction(() => {}),
  transactionSync: (db) => db.transactionSync(() => {}),
  watch: (db) => db.watch(),
  addField: (db) => db.addField("more", "string"),
  addFieldSync: (db) => db.addFieldSync("more", "string"),
  dropField: (db) => db.dropField("n"),
  dropFieldSync: (db) => db.dropFieldSync("n"),
  renameField: (db) => db.renameField("n", "m"),
  renameFieldSync: (db) => db.renameFieldSync("n", "m"),
  setDefault: (db) => db.setDefault("n", 7),
  setDefaultSync: (db) => db.setDefaultSync("n", 7),
  setIndex: (db) => db.setIndex("n", { index: true }),
  setIndexSync: (db) => db.setIndexSync("n", { index: true }),
  setType: (db) => db.setType("n", "float"),
  setTypeSync: (db) => db.setTypeSync("n", "float"),
  keepChanges: (db) => db.keepChanges(5),
  keepChangesSync: (db) => db.keepChangesSync(5),
};

/** Calls every verb. */
function* everyVerb(db: People): Generator<[name: string, call: () => unknown]> {
  for (const [name, read] of Object.entries(READS)) yield [name, () => read(db)];
  for (const [name, args] of Object.entries(WRITES)) {
    for (const form of [name, `${name}Sync`]) {
      const verb = db[form as keyof People] as (...args: unknown[]) => unknown;
      yield [form, () => verb.apply(db, args)];
    }
  }
  for (const [name, call] of Object.entries(OTHERS)) yield [name, () => call(db)];
}

/** Every verb throws the error; nothing is written. */
async function assertRefused(db: People, message: string): Promise<void> {
  using other = another(db.path);
  const before = [other.sequence, JSON.stringify([...other])];
  for (const [name, call] of everyVerb(db)) {
    const error = await assertRejects(async () => await call(), SchemaError, undefined, name);
    assertEquals(error.message, message, name);
  }
  assertEquals([other.sequence, JSON.stringify([...other])], before);
}

/** How a handle comes by a schema, of a table that is there or not. */
const MADE: Record<string, (path: string) => People | Promise<People>> = {
  create: (path) => PsBase.create(path, SCHEMA),
  createSync: (path) => PsBase.createSync(path, SCHEMA),
  "create, mode open": (path) => PsBase.create(path, SCHEMA, { mode: "open" }),
  "createSync, mode override": (path) => PsBase.createSync(path, SCHEMA, { mode: "override" }),
  async open(path) {
    await (await PsBase.create(path, SCHEMA)).close();
    return await PsBase.open(path, { schema: SCHEMA });
  },
  openSync(path) {
    PsBase.createSync(path, SCHEMA)[Symbol.dispose]();
    return PsBase.openSync(path, { schema: SCHEMA });
  },
};

for (const [how, make] of Object.entries(MADE)) {
  Deno.test(`PsBase from ${how}: every verb refuses work when a field of its schema is gone or changed`, async () => {
    const changes: [change: (db: PsBase) => unknown, told: string][] = [
      [
        (db) => db.renameFieldSync("plan", "tier"),
        'field "plan" is not in the table, the fields are tier, n, boss',
      ],
      [
        (db) => db.dropFieldSync("n"),
        'field "n" is not in the table, the fields are plan, boss',
      ],
      [
        (db) => db.setTypeSync("n" as never, "float"),
        'field "n" is float in the table, not integer, the fields are plan, n, boss',
      ],
      [
        (db) => {
          db.dropFieldSync("plan");
          db.addFieldSync("plan", { type: "bytes", unique: true } as never);
        },
        'field "plan" is bytes in the table, not string, the fields are n, boss, plan',
      ],
      [
        (db) => {
          db.dropFieldSync("boss");
          db.addFieldSync("boss", link(db) as never);
        },
        "",
      ],
    ];
    for (const [change, told] of changes) {
      await using temp = tempBase();
      await using db = await make(temp.path);
      db.insertManySync([{ plan: "a", n: 1 }, { plan: "b", n: 2 }]);
      alter(temp.path, change);
      if (told === "") {
        // By another way to the same rows.
        assertEquals(db.size, 2);
        continue;
      }
      const message = `Cannot use "${temp.path}": its fields have changed since this handle was ` +
        `opened: ${told}; open it again with the current schema`;
      await assertRefused(db, message);
      // What concerns the table, whatever its fields are, goes on.
      await db.cleanup();
      db.cleanupSync();
      await db.commit();
      db.commitSync();
      db.backupSync(`${temp.parent}/copy`);
      assertEquals([db.checkSync().ok, db.path, db.recovered], [true, temp.path, null]);
      await assertRefused(db, message);
      // One that is opened now has what is there now.
      using now = PsBase.openSync(temp.path);
      assertEquals(now.deleteWhereSync({}), 2);
      await db.destroy();
    }
  });
}

Deno.test("a link that leads elsewhere is another type", async () => {
  await using temp = tempBase();
  using a = PsBase.createSync(`${temp.parent}/a`, { name: "string" });
  using b = PsBase.createSync(`${temp.parent}/b`, { name: "string" });
  using db = PsBase.createSync(temp.path, { to: link(a), n: "integer" });
  a.insertSync({ name: "a" });
  db.insertSync({ to: 0 });
  alter(temp.path, (other) => {
    other.dropFieldSync("to");
    other.addFieldSync("to", link(b) as never);
  });
  assertThrows(
    () => db.get(0),
    SchemaError,
    'field "to" leads to "../b" in the table, not to "../a"',
  );
});

Deno.test("fields that others add, options and defaults do not disturb a handle, nor does what is undone", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, SCHEMA);
  await db.insert({ plan: "a", n: 1 });
  const goesOn = async (n: number) => {
    assertEquals(db.get(0)!.plan, "a");
    await db.insert({ n });
    assertEquals(db.count((row) => row.n === n), 1);
    db.updateSync(0, (row) => ({ n: row.n }));
    await db.transaction((tx) => tx.update(0, {}));
  };
  alter(temp.path, (other) => other.addFieldSync("more", { type: "float", default: 0.5 }));
  await goesOn(2);
  alter(temp.path, (other) => {
    other.setDefaultSync("n", 7);
    other.setIndexSync("n" as never, { index: true });
    other.setIndexSync("plan" as never, { index: true, unique: false });
    other.keepChangesSync(5);
  });
  await goesOn(3);
  alter(temp.path, (other) => {
    other.renameFieldSync("plan", "tier");
    other.dropFieldSync("more");
    other.renameFieldSync("tier", "plan");
  });
  await goesOn(4);
  // Found changed, then put right.
  alter(temp.path, (other) => other.renameFieldSync("plan", "tier"));
  assertThrows(() => db.size, SchemaError);
  await assertRejects(() => db.insert({}), SchemaError);
  alter(temp.path, (other) => other.renameFieldSync("tier", "plan"));
  await goesOn(5);
  // Each generation has a schema object of its own.
  for (let n = 6; n < 9; n++) {
    await db.cleanup();
    alter(temp.path, (other) => other.cleanupSync());
    await goesOn(n);
  }
});

Deno.test("a handle without a schema sees the fields as they are", async () => {
  await using temp = tempBase();
  PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
  using db = PsBase.openSync(temp.path);
  alter(temp.path, (other) => other.renameFieldSync("plan", "tier"));
  assertEquals(db.insertSync({ tier: "a" }), 0);
  assertEquals(db.get(0)!.tier, "a");
});

Deno.test("a handle that only reads refuses, too", async () => {
  await using temp = tempBase();
  PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
  for (const Class of [Base, PsBase]) {
    using db = Class.openSync(temp.path, { schema: SCHEMA, readOnly: true });
    using made = Class.createSync(temp.path, { n: "integer" }, { readOnly: true });
    alter(temp.path, (other) => other.renameFieldSync("n", "m"));
    for (const one of [db, made] as AnyBase[]) {
      assertThrows(() => one.size, SchemaError, 'field "n" is not in the table');
      assertThrows(() => one.snapshot(() => {}), SchemaError);
      assertThrows(() => one.watch(), SchemaError);
    }
    // As `create` finds it.
    assertThrows(
      () => Class.createSync(temp.path, { n: "integer" }, { readOnly: true }),
      SchemaError,
      'field "n" is not in the table',
    );
    alter(temp.path, (other) => other.renameFieldSync("m", "n"));
  }
});

// --------------------------------------------------------------- its own verbs

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}: a handle's own schema verbs change what it counts on`, async () => {
    await using temp = tempBase();
    await using db = await Class.create(temp.path, SCHEMA);
    await db.insert({ plan: "a", n: 1 });
    const renamed = await db.renameField("plan", "tier");
    assertEquals(renamed.get(0)!.tier, "a");
    const wide = renamed.setTypeSync("n", "float");
    await wide.insert({ n: 0.5 });
    const less = await wide.dropField("boss");
    const more = less.addFieldSync("more", { type: "string", default: "m" });
    await more.setIndex("n", { index: true });
    // Names change places.
    const swapped = (await (await more.renameField("more", "x")).renameField("tier", "more"))
      .renameFieldSync("x", "tier");
    assertEquals({ ...swapped.get(0)! }, {
      __id__: 0,
      __version__: 0,
      n: 1,
      tier: "m",
      more: "a",
    });
    await swapped.cleanup();
    await swapped.insert({ more: "b" });
    if (Class === Base) return;
    // What it added counts, and what it dropped does not, whoever adds it again.
    alter(temp.path, (other) => other.addFieldSync("boss", "integer"));
    assertEquals(swapped.size, 3);
    alter(temp.path, (other) => other.dropFieldSync("boss"));
    assertEquals(swapped.size, 3);
    alter(temp.path, (other) => other.renameFieldSync("tier", "y"));
    assertThrows(() => swapped.size, SchemaError, 'field "tier" is not in the table');
  });
}

Deno.test("what a handle alters is what it counts on before that is acknowledged", async () => {
  await using temp = tempBase();
  const files = watchFiles();
  await using db = withFiles(files, () => PsBase.createSync(temp.path, SCHEMA));
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  files.beforeSync = () => {
    reached.resolve();
    return held.promise;
  };
  const renaming = db.renameField("plan", "tier");
  await reached.promise;
  // It is in the log, and on its way to the disk.
  assertEquals(Object.keys(db.schema), ["tier", "n", "boss"]);
  const inserting = (db as unknown as Base).insert({ tier: "a" });
  held.resolve();
  await Promise.all([renaming, inserting]);
  assertEquals((await renaming).get(0)!.tier, "a");
});

Deno.test("a schema verb that fails changes nothing of what a handle counts on", async () => {
  await using temp = tempBase();
  const files = watchFiles();
  await using db = withFiles(files, () => PsBase.createSync(temp.path, SCHEMA));
  await db.insert({ plan: "a", n: 1 });
  await db.insert({ plan: "b", n: 1 });
  const verbs: [() => unknown, () => Promise<unknown>][] = [
    [() => db.renameFieldSync("plan", "tier"), () => db.renameField("plan", "tier")],
    [() => db.setTypeSync("n", "float"), () => db.setType("n", "float")],
    [() => db.addFieldSync("more", "string"), () => db.addField("more", "string")],
    [() => db.dropFieldSync("boss"), () => db.dropField("boss")],
  ];
  for (const [changeSync, change] of verbs) {
    let left = 0;
    files.beforeWrite = (path) => {
      if (path.endsWith(".log") && left-- > 0) throw new Error("No space left on device");
    };
    // Once refused by the disk: the handle works on.
    left = 1;
    assertEquals(assertThrows(changeSync, WriteError).outcome, "none");
    assertEquals(db.get(0)!.plan, "a");
    left = 1;
    await assertRejects(change, WriteError);
    assertEquals([db.get(1)!.n, Object.keys(db.schema)], [1, ["plan", "n", "boss"]]);
    // Several of one append: none of them is there.
    left = 1;
    const results = await Promise.allSettled([change(), db.setIndex("n", { index: true })]);
    assertEquals(results.map(({ status }) => status), ["rejected", "rejected"]);
    assertEquals(await db.update(0, (row) => ({ n: row.n })).then((row) => row.plan), "a");
  }
  assertThrows(() => db.setIndexSync("n", { unique: true }), UniqueError);
  assertEquals(db.size, 2);
  // The field that could not be added does not count, the one that could not be dropped does.
  alter(temp.path, (other) => other.dropFieldSync("boss"));
  assertThrows(() => db.size, SchemaError, 'field "boss"');
});

// --------------------------------------------------------------- under way

Deno.test("what waits for the lock while the fields change is refused, and nothing is written", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, SCHEMA);
  await db.insertMany([{ plan: "a", n: 1 }, { plan: "b", n: 2 }]);
  await using other = another(temp.path);
  const { sequence } = other;
  const gone = (row: unknown) => (row as Record<string, unknown>).plan !== "paid";
  const waiting = Promise.allSettled([
    db.insert({ n: 3 }),
    db.insertMany([{ n: 3 }, {}]),
    db.update(0, () => ({ n: 3 })),
    db.updateWhere(gone, { n: 3 }),
    db.updateWhere({}, { n: 3 }),
    db.upsert({ plan: "a" }, { n: 3 }),
    db.delete(0),
    db.deleteWhere(gone),
    db.dropField("n"),
    db.transaction((tx) => tx.deleteWhere({})),
  ]);
  other.renameFieldSync("plan", "tier");
  for (const [i, result] of (await waiting).entries()) {
    assert(result.status === "rejected" && result.reason instanceof SchemaError, `${i}`);
  }
  assertEquals([other.sequence - sequence, other.size, other.sum("n" as never)], [1, 2, 3]);
});

Deno.test("what began before the fields changed ends as it began", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, SCHEMA);
  await db.insertMany([{ plan: "a", n: 1 }, { plan: "b", n: 2 }]);
  const rows = db[Symbol.iterator]();
  assertEquals(rows.next().value!.plan, "a");
  const seen = db.snapshot((view) => {
    alter(temp.path, (other) => other.renameFieldSync("plan", "tier"));
    return view.select((row) => row.plan !== null).map((row) => row.plan);
  });
  assertEquals(seen, ["a", "b"]);
  assertEquals(rows.next().value!.plan, "b");
  assertThrows(() => [...db], SchemaError);
});

Deno.test("watch() tells what came before the change of fields, then throws", async () => {
  for (const kind of ["others", "own"]) {
    await using temp = tempBase();
    await using db = await PsBase.create(temp.path, SCHEMA);
    const changes = db.watch();
    await db.insert({ plan: "a" });
    if (kind === "own") {
      const renamed = await db.renameField("plan", "tier");
      await renamed.insert({ tier: "b" });
      const told: unknown[] = [];
      for await (const { kind, row } of changes) {
        told.push([kind, row?.plan, (row as { tier?: unknown } | null)?.tier]);
        if (told.length === 3) break;
      }
      assertEquals(told, [
        ["insert", "a", undefined],
        ["schema", undefined, undefined],
        ["insert", undefined, "b"],
      ]);
      continue;
    }
    alter(temp.path, (other) => other.addFieldSync("more", "string"));
    await db.insert({ plan: "b" });
    alter(temp.path, (other) => {
      other.renameFieldSync("plan", "tier");
      other.insertSync({ tier: "c" });
    });
    const told: unknown[] = [];
    const error = await assertRejects(async () => {
      for await (const { kind, row } of changes) {
        told.push([kind, row?.plan]);
        assert(told.length < 5, "it goes on with rows of other fields");
      }
    }, SchemaError);
    assert(error.message.includes('field "plan" is not in the table'), error.message);
    assertEquals(told.slice(0, 1), [["insert", "a"]]);
    assert(told.length <= 3 && !told.some((one) => (one as unknown[])[1] === "c"));
    assertEquals(await changes.next(), { value: undefined, done: true });
  }
});

// --------------------------------------------------------------- at random

type Kind = "string" | "integer" | "float";
type Values = Record<string, string | number | null>;
const NAMES = ["a", "b", "c", "d", "e"];
const [ROUNDS, STEPS] = LONG ? [60, 600] : [6, 150];

/** The table, written a second time: rows by the numbers of their fields, which names come and go for. */
class Model {
  readonly fields = new Map<string, { readonly number: number; readonly kind: Kind }>();
  readonly rows = new Map<number, (string | number | null)[]>();
  nextId = 0;
  #numbers = 0;

  add(name: string, kind: Kind): void {
    const number = this.#numbers++;
    this.fields.set(name, { number, kind });
    for (const row of this.rows.values()) row[number] = null;
  }

  rename(name: string, newName: string): void {
    const field = this.fields.get(name)!;
    this.fields.delete(name);
    this.fields.set(newName, field);
  }

  put(id: number, values: Values): void {
    const row = this.rows.get(id) ?? Array<null>(this.#numbers).fill(null);
    for (const [name, value] of Object.entries(values)) row[this.fields.get(name)!.number] = value;
    this.rows.set(id, row);
    this.nextId = Math.max(this.nextId, id + 1);
  }

  value(id: number, name: string): string | number | null {
    return this.rows.get(id)![this.fields.get(name)!.number]!;
  }

  /** All rows, as JSON. */
  show(): string {
    return JSON.stringify(Array.from(this.rows.keys(), (id) => [
      id,
      ...[...this.fields.keys()].sort().map((name) => this.value(id, name)),
    ]));
  }
}

/** All rows of a table, as JSON. */
function show(db: PsBase): string {
  const names = Object.keys(db.schema).sort();
  return JSON.stringify(Array.from(db, (row) => [row.__id__, ...names.map((name) => row[name])]));
}

/** A handle, with what it was given, and the names that its user knows. */
interface Client {
  readonly db: PsBase;
  /** None where no schema was given. */
  readonly declared: Map<string, Kind> | undefined;
  readonly known: Set<string>;
}

function anyOf(random: Random, kind: Kind): string | number | null {
  if (random.chance(0.2)) return null;
  if (kind === "string") return random.pick(["x", "y", "z"]);
  return kind === "integer" ? random.below(4) : random.below(4) / 2;
}

/** Opens or makes a handle, with a schema or without. */
function newClient(random: Random, path: string, model: Model): Client {
  const fields = Array.from(model.fields, ([name, { kind }]) => [name, kind] as const);
  const schema = Object.fromEntries(fields);
  const known = new Set(model.fields.keys());
  return withFiles({ ...denoFiles }, () => {
    if (random.chance(0.3)) return { db: PsBase.openSync(path), declared: undefined, known };
    const db = random.chance(0.5)
      ? PsBase.openSync(path, { schema })
      : PsBase.createSync(path, schema as never, { mode: "open" });
    return { db: db as unknown as PsBase, declared: new Map(fields), known };
  });
}

/** What a step does to the table and to the model, which of them its client may not do. */
interface Step {
  /** Names that it reads or writes as fields; if one is none, it throws. */
  readonly names: readonly string[];
  /** Whether nothing is read or written where no row is there. */
  readonly ofRows: boolean;
  readonly act: (db: PsBase | Transaction) => unknown;
  readonly apply: () => unknown;
}

function anyStep(random: Random, model: Model, { known }: Client): Step {
  // A name of now is one that the client may have been told of.
  const name = random.pick(random.chance(0.8) ? [...known] : NAMES);
  const kind = model.fields.get(name)?.kind ?? "string";
  const value = anyOf(random, kind);
  const ids = [...model.rows.keys()];
  const differs = (row: unknown) => (row as Values)[name] !== value;
  const found = () => ids.filter((id) => model.value(id, name) !== value);
  const one = (fn: (id: number) => Step): Step => ids.length > 0 ? fn(random.pick(ids)) : insert();
  const insert = (): Step => ({
    names: [name],
    ofRows: false,
    act: (db) => (db as Transaction).insert({ [name]: value } as never),
    apply: () => {
      const id = model.nextId;
      model.put(id, { [name]: value });
      return id;
    },
  });
  const steps: (() => Step)[] = [
    insert,
    insert,
    () => ({
      names: [name],
      ofRows: true,
      act: (db) => db.count(differs),
      apply: () => found().length,
    }),
    () => ({
      names: [name],
      ofRows: true,
      act: (db) => (db as Transaction).updateWhere(differs, { [name]: value } as never),
      apply: () => {
        const changed = found();
        for (const id of changed) model.put(id, { [name]: value });
        return changed.length;
      },
    }),
    () => ({
      names: [name],
      ofRows: true,
      act: (db) =>
        (db as Transaction).updateWhere(
          { __id__: { gte: 0 } },
          ((row: unknown) => differs(row) ? { [name]: value } : {}) as never,
        ),
      apply: () => {
        for (const id of found()) model.put(id, { [name]: value });
        return ids.length;
      },
    }),
    () =>
      one((id) => ({
        names: [name],
        ofRows: true,
        act: (db) => {
          const change = (row: unknown) => ({ [name]: (row as Values)[name] });
          return (db as Transaction).update(id, change as never);
        },
        apply: () => id,
      })),
    () => ({
      names: [name],
      ofRows: true,
      // A few at a time, so that rows are left.
      act: (db) =>
        (db as Transaction).deleteWhere({
          __id__: { lt: (ids[0] ?? 0) + 3 },
          _not: (row: unknown) => !differs(row),
        } as never),
      apply: () => {
        const deleted = found().filter((id) => id < (ids[0] ?? 0) + 3);
        for (const id of deleted) model.rows.delete(id);
        return deleted.length;
      },
    }),
    () => ({
      names: [name],
      ofRows: false,
      act: (db) => (db as Transaction).deleteWhere({ [name]: value, __id__: -1 } as never),
      apply: () => 0,
    }),
  ];
  return random.pick(steps)();
}

/** Changes a field through a handle, and all that counts on it. */
function anyChange(random: Random, model: Model, { declared, known }: Client): Step | undefined {
  const names = [...model.fields.keys()];
  const name = random.pick(names);
  const free = NAMES.filter((one) => !model.fields.has(one));
  const alter = (act: (db: PsBase) => unknown, apply: () => void): Step => ({
    names: [],
    ofRows: false,
    act: async (db) => void await act(db as PsBase),
    apply,
  });
  const forget = () => {
    const kind = declared?.get(name);
    declared?.delete(name);
    known.delete(name);
    return kind;
  };
  const { kind } = model.fields.get(name)!;
  switch (random.below(4)) {
    case 0: {
      if (free.length === 0) return undefined;
      const newName = random.pick(free);
      return alter((db) => db.renameField(name, newName as never), () => {
        model.rename(name, newName);
        const counted = forget();
        if (counted !== undefined) declared?.set(newName, counted);
        known.add(newName);
      });
    }
    case 1:
      if (names.length === 1) return undefined;
      return alter((db) => db.dropField(name), () => {
        model.fields.delete(name);
        forget();
      });
    case 2: {
      if (free.length === 0) return undefined;
      const added = random.pick(free);
      const type = random.pick<Kind>(["string", "integer", "float"]);
      return alter((db) => db.addField(added as never, type), () => {
        model.add(added, type);
        declared?.set(added, type);
        known.add(added);
      });
    }
    default:
      if (kind !== "integer") return undefined;
      return alter((db) => db.setType(name as never, "float"), () => {
        model.fields.set(name, { ...model.fields.get(name)!, kind: "float" });
        if (declared?.has(name)) declared.set(name, "float");
      });
  }
}

const SEED = newSeed();

Deno.test(`whatever becomes of the fields under many handles, each call is right or throws (PSBASE_SEED=${SEED})`, async () => {
  const random = randomFrom(SEED);
  const counts = { done: 0, refused: 0, unknown: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    await using temp = tempBase();
    const model = new Model();
    model.add("a", "string");
    model.add("b", "integer");
    PsBase.createSync(temp.path, { a: "string", b: "integer" })[Symbol.dispose]();
    using plain = PsBase.openSync(temp.path);
    const clients = Array.from({ length: 4 }, () => newClient(random, temp.path, model));
    for (let step = 0; step < STEPS; step++) {
      const at = `PSBASE_SEED=${SEED}, round ${round}, step ${step}`;
      const i = random.below(clients.length);
      if (random.chance(0.05)) {
        await clients[i]!.db.close();
        clients[i] = newClient(random, temp.path, model);
      }
      const client = clients[i]!;
      const { db, declared } = client;
      if (random.chance(0.03)) await db.cleanup();
      const isChange = random.chance(0.12);
      const taken = isChange ? anyChange(random, model, client) : anyStep(random, model, client);
      if (taken === undefined) continue;
      const isBroken = [...declared ?? []].some(([name, kind]) =>
        model.fields.get(name)?.kind !== kind
      );
      const isUnknown = taken.names.some((name) => !model.fields.has(name)) &&
        !(taken.ofRows && model.rows.size === 0);
      const form = isChange ? 0 : random.below(3);
      const act = async () => {
        if (form === 1) return await db.transaction((tx) => taken.act(tx));
        if (form === 2) return db.transactionSync((tx) => taken.act(tx) as number);
        return await taken.act(db);
      };
      if (isBroken) {
        counts.refused++;
        const error = await assertRejects(act, SchemaError, undefined, at);
        assert(error.message.includes("open it again"), `${at}: ${error.stack}`);
      } else if (isUnknown) {
        counts.unknown++;
        const error = await assertRejects(act, Error, undefined, at);
        assert(/there is no (such )?field/.test(error.message), `${at}: ${error.stack}`);
      } else {
        counts.done++;
        const result = await act();
        const expected = taken.apply();
        // Of a row its id, which is there still.
        const { __id__ = result } = Object(result) as { __id__?: unknown };
        assertEquals(__id__, expected, at);
      }
      assertEquals(show(plain), model.show(), at);
    }
    await Promise.all(clients.map(({ db }) => db.close()));
  }
  // Each of the three happens often: else nothing is tried.
  for (const [what, count] of Object.entries(counts)) {
    assert(count > ROUNDS * STEPS / 50, `${what}: ${count} of ${ROUNDS * STEPS}`);
  }
});
