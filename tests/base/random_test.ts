/**
 * Random verbs on a table, and the same on a map: after each step both must hold the same, for
 * whoever asks and whatever is asked.
 *
 * A run is a list of seeds, one for each step: what a step does follows from its seed and from
 * what the table holds then. So any of them can be left out, and a run that fails is made short
 * before it is told. `PSBASE_STEPS=1,2,3` plays the steps that a failure told.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Base,
  ConflictError,
  link,
  PsBase,
  SchemaError,
  type Transaction,
  type TypeName,
  UniqueError,
  type View,
} from "../../mod.ts";
import {
  anyFilter,
  anyValue,
  CONVERTIBLE,
  type ModelRow,
  type ModelType,
  textOf,
  VALUES,
} from "../helpers/model.ts";
import {
  anyOrder,
  anyRow,
  choicesOf,
  idIn,
  isSortable,
  isTouchy,
  type ModelField,
  ModelTable,
  NUMERIC,
  plain,
  sameFigure,
  TOO_LARGE,
} from "../helpers/model_table.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { openRemote, type RemoteBase } from "../helpers/remote_base.ts";
import { shrink } from "../helpers/shrink.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const LONG = Deno.env.get("PSBASE_LONG") !== undefined;
const [ROUNDS, STEPS] = LONG ? [40, 500] : [2, 250];
const TYPES = [...Object.keys(VALUES) as TypeName[], "link"] as const;
const NAMES = ["a", "b", "c", "d", "e", "then", "constructor", "größe"];

/** The handles: two that are like two processes, one that reads only; now and then all are new. */
class Handles {
  readonly #path: string;
  #open: PsBase[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  get all(): readonly PsBase[] {
    return this.#open;
  }

  async reopen(durability: "full" | "relaxed"): Promise<void> {
    await this.close();
    this.#open = [
      PsBase.openSync(this.#path, { durability }),
      withFiles({ ...denoFiles }, () => PsBase.openSync(this.#path)),
      PsBase.openSync(this.#path, { readOnly: true }),
    ];
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((db) => db.close()));
    this.#open = [];
  }
}

/** What a step works with. */
interface Run {
  readonly handles: Handles;
  /** A process of its own, that has the table open all the time. */
  readonly remote: RemoteBase;
  /** What must be found. */
  model: ModelTable;
  /** The choices of this step. */
  random: Random;
  /** Who writes in this step. */
  db: PsBase;
}

/** Does something to the table and to the model; where a value would be there twice, to neither. */
async function both(
  run: Run,
  act: (db: PsBase) => unknown,
  apply: (model: ModelTable) => unknown,
): Promise<void> {
  const draft = run.model.clone();
  const expected = apply(draft);
  const clashes = draft.clashes();
  if (clashes.length > 0) {
    const error = await assertRejects(async () => await act(run.db), UniqueError);
    assert(clashes.includes(error.field), `${error.field} is unique, expected ${clashes}`);
    return;
  }
  assertEquals(plain(await act(run.db)), expected);
  run.model = draft;
}

/** Ids of rows that are there, each once. */
function someIds({ random, model }: Run): number[] {
  const count = random.pick([1, 1, 2, 10]);
  return [...new Set(Array.from({ length: count }, () => random.pick(model.ids)))];
}

/** Changes, or a function that gives them and is shown the row. */
function someChanges({ random, model }: Run): ModelRow | ((row: ModelRow) => ModelRow) {
  const changes = anyRow(random, model);
  if (random.chance(0.6)) return changes;
  return (row) => {
    const before = plain(row) as ModelRow;
    assertEquals(before, model.row(before.__id__ as number));
    return before.__id__ as number % 3 === 0 ? {} : changes;
  };
}

/** A filter, and a function that the table is not asked to call while the model is. */
function someFilter(run: Run): unknown {
  return anyFilter(run.random, choicesOf(run.random, run.model));
}

function someName({ random, model }: Run, isOne: (field: ModelField) => boolean = () => true) {
  const names = [...model.fields].filter(([, field]) => isOne(field)).map(([name]) => name);
  return names.length === 0 ? undefined : random.pick(names);
}

function freeName({ random, model }: Run): string | undefined {
  const names = NAMES.filter((name) => !model.fields.has(name));
  return names.length === 0 ? undefined : random.pick(names);
}

/** A field, and how it is told to `addField`. */
function someField({ random, model }: Run): [field: ModelField, spec: object] {
  const others = [...model.fields.values()].map(({ type }) => type);
  const type: ModelType = random.chance(0.4) ? random.pick(others) : random.pick(TYPES);
  const value = type !== "link" && random.chance(0.5) ? anyValue(random, type) : null;
  const flags = {
    ...(value !== null && random.chance(0.2) && { required: true }),
    ...(isSortable(type) && random.chance(0.4) && { index: true }),
    ...(isSortable(type) && random.chance(0.15) && { unique: true }),
  };
  const spec = { type: type === "link" ? link("self") : type, ...flags };
  return [
    { type, default: value, ...flags },
    value === null ? spec : { ...spec, default: value },
  ];
}

function hasLinks({ fields }: ModelTable): boolean {
  return [...fields.values()].some(({ type }) => type === "link");
}

/** The texts of a row, for `insertAsStrings`. */
function texts({ model }: Run, row: ModelRow): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, textOf(model.types[name]!, value)]),
  );
}

/** Calls a verb of the other process. */
async function remotely({ remote }: Run, verb: string, ...args: unknown[]): Promise<unknown> {
  const answer = await remote.call(verb, ...args);
  if (typeof answer !== "object" || answer === null || !("error" in answer)) return answer;
  const { error, message } = answer as { error: string; message: string };
  const field = /field "([^"]+)"/.exec(message)?.[1];
  throw error === "UniqueError" ? new UniqueError(message, field!, null, 0) : new Error(message);
}

// --------------------------------------------------------------- what is done

type Step = (run: Run) => Promise<void> | void;

/** Verbs, those that are called often more than once. */
const VERBS: Readonly<Record<string, readonly [weight: number, step: Step]>> = {
  insert: [3, async (run) => {
    const row = anyRow(run.random, run.model);
    const sync = run.random.chance(0.5);
    await both(
      run,
      (db) => sync ? db.insertSync(row as never) : db.insert(row as never),
      (model) => model.insert(row),
    );
  }],
  insertMany: [1.5, async (run) => {
    const length = run.random.pick([0, 2, 63, 64, 100]);
    const rows = Array.from({ length }, () => anyRow(run.random, run.model));
    await both(
      run,
      (db) => db.insertMany(rows as never),
      (model) => rows.map((row) => model.insert(row)),
    );
  }],
  insertAsStrings: [1, async (run) => {
    const row = anyRow(run.random, run.model);
    const given = texts(run, row);
    await both(run, (db) => db.insertAsStrings(given as never), (model) => model.insert(row));
  }],
  update: [4, async (run) => {
    if (run.model.rows.size === 0) return;
    const ids = someIds(run);
    const changes = someChanges(run);
    const byRow = run.random.chance(0.5);
    const alone = run.random.chance(0.3);
    await both(
      run,
      (db) => {
        const targets = byRow ? ids.map((id) => db.get(id)!) : ids;
        return db.update(alone ? targets[0]! : targets, changes as never);
      },
      (model) =>
        alone ? model.update(ids[0]!, changes) : ids.map((id) => model.update(id, changes)),
    );
  }],
  conflict: [1, async (run) => {
    if (run.model.rows.size === 0) return;
    const ids = someIds(run);
    const rows = ids.map((id) => run.db.get(id)!);
    const changed = run.random.pick(ids);
    const other = run.random.pick(run.handles.all.slice(0, 2));
    await both(run, () => other.update(changed, {}), (model) => model.update(changed, {}));
    const changes = someChanges(run);
    const error = await assertRejects(() => run.db.update(rows, changes as never), ConflictError);
    assertEquals([error.id, error.found - error.expected], [changed, 1]);
  }],
  updateWhere: [1.5, async (run) => {
    const filter = someFilter(run);
    const changes = someChanges(run);
    await both(run, (db) => db.updateWhere(filter as never ?? {}, changes as never), (model) => {
      const rows = model.found(filter);
      for (const row of rows) model.update(row.__id__ as number, changes);
      return rows.length;
    });
  }],
  upsert: [2, async (run) => {
    const name = someName(run, ({ unique, type }) => unique === true && type !== "link");
    if (name === undefined) return;
    const { [name]: own, ...values } = anyRow(run.random, run.model);
    const held = [...run.model.rows.values()].map((row) => row[name]).filter((one) => one !== null);
    const value = held.length > 0 && run.random.chance(0.6) ? run.random.pick(held) : own ?? null;
    if (value === null) return;
    await both(
      run,
      (db) => db.upsert({ [name]: value } as never, values as never),
      (model) => model.upsert(name, value, values),
    );
  }],
  delete: [1.5, async (run) => {
    if (run.model.rows.size === 0) return;
    const ids = someIds(run);
    const [byRow, alone] = [run.random.chance(0.5), run.random.chance(0.3)];
    await both(
      run,
      (db) => {
        const targets = byRow ? ids.map((id) => db.get(id)!) : ids;
        return alone ? db.deleteSync(targets[0]!) : db.delete([...targets, ...targets, -1]);
      },
      (model) => model.delete(alone ? ids.slice(0, 1) : ids),
    );
  }],
  deleteWhere: [1, async (run) => {
    const filter = run.model.rows.size > 300
      ? { __id__: { notIn: someIds(run) } }
      : someFilter(run);
    const ids = run.model.found(filter).map((row) => row.__id__ as number);
    if (ids.length > 20 && run.random.chance(0.7) && run.model.rows.size < 300) return;
    await both(run, (db) => db.deleteWhere(filter as never ?? {}), (model) => model.delete(ids));
  }],
  concurrent: [1, async (run) => {
    // Asked for together on one handle: they are committed together, in order.
    if (run.model.rows.size === 0) return;
    const [id] = someIds(run);
    const rows = Array.from({ length: 5 }, () => anyRow(run.random, run.model));
    const changes = rows[0]!;
    const acts: [act: (db: PsBase) => Promise<unknown>, apply: (model: ModelTable) => unknown][] = [
      [(db) => db.update(id!, changes as never), (model) => model.update(id!, changes)],
      [(db) => db.delete(id!), (model) => model.delete([id!])],
    ];
    for (const row of rows) {
      acts.unshift([(db) => db.insert(row as never), (model) => model.insert(row)]);
    }
    const promises = acts.map(([act]) => act(run.db));
    const results = await Promise.allSettled(promises);
    for (const [i, [, apply]] of acts.entries()) {
      const result = results[i]!;
      await both(
        run,
        () => {
          if (result.status === "rejected") throw result.reason;
          // What it gave was shown when the row was still there.
          return i === 5 ? null : result.value;
        },
        (model) => {
          const value = apply(model);
          return i === 5 ? null : value;
        },
      );
    }
  }],
  fail: [1, async (run) => {
    if (run.model.rows.size === 0) return;
    const rows = [anyRow(run.random, run.model), { id: "x" }];
    await assertRejects(() => run.db.insertMany(rows as never), TypeError);
    await assertRejects(() => run.db.update([...someIds(run), -1], {}), Error, "no row -1");
    assertThrows(() => run.db.updateWhereSync({}, { id: "x" } as never), TypeError);
    assertThrows(() => run.db.addFieldSync("id" as never, "float"), Error, "already exists");
  }],
  addField: [1, async (run) => {
    const name = freeName(run);
    if (name === undefined) return;
    const [field, spec] = someField(run);
    const after = someName(run)!;
    await both(
      run,
      async (db) => void await db.addField(name as never, spec as never, { after }),
      (model) => model.addField(name, field, after),
    );
  }],
  dropField: [0.6, async (run) => {
    const name = someName(run)!;
    if (name === "id") return;
    await both(run, (db) => void db.dropFieldSync(name), (model) => model.dropField(name));
  }],
  renameField: [0.6, async (run) => {
    const [name, newName] = [someName(run)!, freeName(run)];
    if (name === "id" || newName === undefined) return;
    await both(
      run,
      async (db) => void await db.renameField(name, newName as never),
      (model) => model.renameField(name, newName),
    );
  }],
  setDefault: [0.6, async (run) => {
    const name = someName(run, ({ type }) => type !== "link")!;
    const { type, required } = run.model.fields.get(name)!;
    const none = run.random.chance(0.2) && required !== true;
    const value = none ? null : anyValue(run.random, type as TypeName);
    await both(
      run,
      (db) => void db.setDefaultSync(name, value as never),
      (model) => model.setField(name, { default: value }),
    );
  }],
  setType: [0.8, async (run) => {
    const name = someName(run, ({ type }) => CONVERTIBLE.includes(type as never));
    if (name === undefined || name === "id") return;
    // Text is what everything can become, and become again.
    const type = run.random.pick(["string", ...CONVERTIBLE] as const);
    const set = async (db: PsBase) => void await db.setType(name, type);
    if (run.model.clone().setType(name, type)) {
      await both(run, set, (model) => void model.setType(name, type));
    } else {
      await assertRejects(() => set(run.db), SchemaError, "not fit");
    }
  }],
  setIndex: [1.5, async (run) => {
    const name = someName(run, ({ type }) => isSortable(type))!;
    const flag = () => run.random.chance(0.7);
    const options = { ...(flag() && { index: flag() }), ...(flag() && { unique: !flag() }) };
    await both(
      run,
      async (db) => void await db.setIndex(name, options),
      (model) => model.setField(name, options),
    );
  }],
  remote: [3, async (run) => {
    const { random, model } = run;
    const row = anyRow(random, model);
    const verb = random.pick(["insert", "update", "delete", "rename", "cleanup", "upkeep"]);
    if (verb === "insert") {
      const given = texts(run, row);
      return both(run, () => remotely(run, "insertAsStrings", given), (model) => model.insert(row));
    }
    if (verb === "cleanup") return void await remotely(run, "cleanup");
    if (verb === "upkeep") return void await remotely(run, "commit");
    if (verb === "rename") {
      const [name, newName] = [someName(run)!, freeName(run)];
      if (name === "id" || newName === undefined) return;
      return both(
        run,
        async () => void await remotely(run, "renameFieldSync", name, newName),
        (model) => model.renameField(name, newName),
      );
    }
    if (model.rows.size === 0) return;
    const ids = someIds(run);
    if (verb === "delete") {
      return both(run, () => remotely(run, "delete", ids), (model) => model.delete(ids));
    }
    await both(
      run,
      () => remotely(run, "updateWhere", { __id__: { in: ids } }, {}),
      (model) => ids.map((id) => model.update(id, {})).length,
    );
  }],
  cleanup: [0.7, async ({ random, db }) => {
    if (random.chance(0.5)) await db.cleanup();
    else db.cleanupSync();
  }],
  commit: [0.3, async ({ db }) => await db.commit()],
  reopen: [0.7, async ({ random, handles }) => {
    await handles.reopen(random.pick(["full", "relaxed"] as const));
  }],
  own: [0.5, async (run) => {
    const row = anyRow(run.random, run.model);
    using owner = await Base.open(run.db.path);
    await both(run, () => owner.insertSync(row as never), (model) => model.insert(row));
    if (run.random.chance(0.3)) await owner.cleanup();
  }],
  iterate: [1, async (run) => {
    // Whatever is done meanwhile, an iterator goes on with what was there when it was made.
    const { model } = run;
    const expected = [...model.rows.values()].map(model.show);
    const rows = run.db[Symbol.iterator]();
    const ids = run.db.keys();
    const taken = expected.length === 0 ? [] : [rows.next().value];
    await VERBS[run.random.pick(["insertMany", "update", "deleteWhere", "renameField"])]![1](run);
    assertEquals([...ids], model.ids);
    // What links lead to is read as it is now.
    if (!hasLinks(model)) assertEquals(plain([...taken, ...rows]), expected);
    else rows.return?.();
  }],
  transaction: [2, async (run) => {
    const { random, handles, model } = run;
    const stop = new Error("stop");
    const stops = random.chance(0.25);
    const inside = { ...run };
    const done = run.db.transaction(async (tx) => {
      inside.db = blocking(tx);
      for (let i = random.below(5); i > 0; i--) {
        const verb = random.pick(WITHIN);
        await VERBS[verb]![1](inside);
        check(random, tx, inside.model);
        // Nobody else sees it yet.
        check(random, random.pick(handles.all), model);
      }
      compareAll(tx, inside.model);
      if (stops) throw stop;
      return inside.model.rows.size;
    });
    if (stops) return assertEquals(await assertRejects(() => done), stop);
    assertEquals(await done, inside.model.rows.size);
    run.model = inside.model;
  }],
  snapshot: [1, (run) => {
    const { model } = run;
    const [other] = run.handles.all;
    run.db.snapshot((view) => {
      if (!hasLinks(model) && model.rows.size > 0) {
        const ids = someIds(run);
        other!.deleteSync(ids);
        run.model = model.clone();
        run.model.delete(ids);
      }
      for (let i = 0; i < 3; i++) check(run.random, view, model);
      compareAll(view, model);
    });
  }],
};

/** Verbs that can be called in a transaction. */
const WITHIN = [
  ...["insert", "insertMany", "insertAsStrings", "update", "updateWhere", "upsert"],
  ...["delete", "deleteWhere"],
];

/** A transaction as a handle: its verbs are those that block. */
function blocking(tx: Transaction): PsBase {
  return new Proxy(tx, {
    get(_, name) {
      const member = tx[String(name).replace(/Sync$/, "") as "get"];
      return typeof member === "function" ? member.bind(tx) : member;
    },
  }) as unknown as PsBase;
}

const WEIGHTED = Object.entries(VERBS).flatMap(([verb, [weight]]) =>
  Array<string>(weight * 10).fill(verb)
);

/** A handle that tells the calls that are made on it. */
function telling(db: PsBase, tell: (call: string) => void): PsBase {
  return new Proxy(db, {
    get(_, name) {
      const member = db[name as "path"] as unknown;
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        const given = args.map((one) =>
          Deno.inspect(one, { iterableLimit: 3, strAbbreviateSize: 40 })
        );
        tell(`${String(name)}(${given.join(", ")})`);
        return member.apply(db, args);
      };
    },
  });
}

/** One step: the same on the table and on the model. */
async function step(run: Run, seed: number, tell: (what: string) => void): Promise<void> {
  run.random = randomFrom(seed);
  run.db = telling(run.handles.all[run.random.below(2)]!, tell);
  const verb = run.model.rows.size < 3 && run.random.chance(0.5)
    ? "insertMany"
    : run.random.pick(WEIGHTED);
  await VERBS[verb]![1](run);
  for (const db of run.handles.all) for (let i = 0; i < 2; i++) check(run.random, db, run.model);
  await checkRemote(run);
  if (run.random.chance(0.1)) { for (const db of run.handles.all) compareAll(db, run.model); }
}

// --------------------------------------------------------------- what is asked

/** Asks something of a table or a snapshot of it. */
function check(random: Random, db: View, model: ModelTable): void {
  const run = { random, model } as Run;
  const filter = someFilter(run);
  const where = filter as never;
  const rows = model.found(filter);
  const name = someName(run, ({ type }) => isSortable(type))!;
  const { type } = model.fields.get(name)!;
  const number = someName(run, ({ type }) => NUMERIC.includes(type));
  const told = `where ${Deno.inspect(filter, { depth: 9 })}`;
  const valuesOf = (name: string, of = rows) => of.map((row) => row[name]);
  const question = random.below(12);
  switch (question) {
    case 0: {
      const id = random.below(model.nextId + 1);
      assertEquals(plain(db.get(id)), model.row(id));
      assertEquals(db.has(id), model.rows.has(id));
      const { ids } = model;
      const n = random.below(ids.length + 1);
      assertEquals([db.at(n)?.__id__, db.at(-n - 1)?.__id__], [ids[n], ids.at(-n - 1)]);
      break;
    }
    case 1:
      assertEquals(db.count(where), rows.length, told);
      {
        const { rowsRead, count } = db.explain(where);
        assert(rowsRead >= rows.length && (count ?? rows.length) === rows.length, told);
      }
      break;
    case 2:
      if (number === undefined) break;
      figure(model.fields.get(number)!.type, "sum", valuesOf(number), () => db.sum(number, where));
      figure(model.fields.get(number)!.type, "avg", valuesOf(number), () => db.avg(number, where));
      break;
    case 3:
      for (const which of ["min", "max"] as const) {
        const least = model.shownValue(name, model.extreme(type, valuesOf(name), which));
        sameFigure(type, idIn(db[which](name, where)), least, `${which} of ${name} ${told}`);
      }
      break;
    case 4: {
      const expected = model.distinct(type, valuesOf(name));
      const found = db.distinct(name, where).map(idIn);
      assertEquals(found.length, expected.length, `distinct ${name} ${told}`);
      found.forEach((value, i) =>
        sameFigure(type, value, model.shownValue(name, expected[i]), `distinct ${name} ${told}`)
      );
      break;
    }
    case 5: {
      const figures: Record<string, unknown> = { n: "count", least: ["min", name] };
      if (number !== undefined) figures.all = ["sum", number];
      if (number !== undefined) figures.mean = ["avg", number];
      const keys = model.distinct(type, valuesOf(name));
      const groups = keys.map((key) =>
        model.found({ [name]: { eq: key } }).filter((row) => rows.includes(row))
      );
      const numbers = number === undefined ? "integer" : model.fields.get(number)!.type;
      const isTooLarge = number !== undefined &&
        groups.some((group) => model.sum(numbers, valuesOf(number, group)) === TOO_LARGE);
      const ask = () => db.groupBy(name, figures as never, where) as unknown as ModelRow[];
      if (isTooLarge) return void assertThrows(ask, RangeError);
      const found = ask();
      assertEquals(found.length, keys.length, `groups of ${name} ${told}`);
      found.forEach((row, i) => {
        const group = groups[i]!;
        const which = `group ${i} by ${name} ${told}`;
        const [key, least] = [name, "least"].map((one) => idIn(row[one]));
        sameFigure(type, key, model.shownValue(name, keys[i]), which);
        assertEquals(row.n, group.length, which);
        const value = model.shownValue(name, model.extreme(type, valuesOf(name, group), "min"));
        sameFigure(type, least, value, which);
        if (number === undefined) return;
        figure(numbers, "sum", valuesOf(number, group), () => row.all);
        figure(numbers, "avg", valuesOf(number, group), () => row.mean);
      });
      break;
    }
    case 6:
      assertEquals([...db.keys()], model.ids);
      assertEquals(db.size, model.rows.size);
      break;
    default: {
      const orderBy = anyOrder(random, model);
      const sorted = model.found(filter, orderBy);
      const [offset, limit] = [random.below(8), random.below(30)];
      const isPart = random.chance(0.4);
      const expected = isPart ? sorted.slice(offset, offset + limit) : sorted;
      const part = isPart ? { offset, limit } : {};
      const fields = random.chance(0.3)
        ? [...model.fields.keys()].filter(() => random.chance(0.5))
        : undefined;
      const found = db.select(where, { orderBy, fields, ...part } as never);
      assertEquals(
        plain([...found]),
        expected.map(model.show).map((row) => pick(row, fields)),
        told,
      );
      // Sorting what was found is the same as asking for it in an order.
      const shown = fields ?? [...model.fields.keys()];
      if (orderBy.length === 0 || isPart || !orderBy.every((term) => isShown(term, shown))) break;
      if (orderBy.some((term) => model.types[term.replace(/^[+-]/, "")] === "link")) break;
      const again = db.select(where, { fields } as never).sortBy(...orderBy as [never]);
      assertEquals(again.map((row) => row.__id__), found.map((row) => row.__id__), told);
    }
  }

  /** A sum or a mean. */
  function figure(type: ModelType, which: "sum" | "avg", values: unknown[], ask: () => unknown) {
    const expected = model[which](type, values);
    if (expected === TOO_LARGE) return void assertThrows(ask, RangeError);
    const found = ask();
    if (type === "float" && isTouchy(values)) return;
    sameFigure(which === "avg" ? "float" : type, found, expected, `${which} ${told}`);
  }
}

function isShown(term: string, names: readonly string[]): boolean {
  const name = term.replace(/^[+-]/, "");
  return name.startsWith("_") || names.includes(name);
}

function pick(row: ModelRow, names: readonly string[] | undefined): ModelRow {
  if (names === undefined) return row;
  return Object.fromEntries(
    ["__id__", "__version__", ...names].map((name) => [name, row[name]]),
  );
}

/** Asks the other process. */
async function checkRemote(run: Run): Promise<void> {
  const { random, model } = run;
  assertEquals(await remotely(run, "size"), model.rows.size);
  const number = () => anyValue(random, "integer");
  const where = { id: random.pick([{ not: [number(), number()] }, { gte: number() }, number()]) };
  const ids = model.found(where).map((row) => row.__id__ as number);
  assertEquals(await remotely(run, "count", where), ids.length, Deno.inspect(where));
  assertEquals(await remotely(run, "distinct", "__id__", where), ids, Deno.inspect(where));
}

/** Asks for everything. */
function compareAll(db: View, model: ModelTable): void {
  assertEquals(plain([...db.select()]), [...model.rows.values()].map(model.show));
  assertEquals([...db.keys()], model.ids);
  const fields = Object.entries(db.schema).map(([name, { type, default: _, ...flags }]) => {
    return [name, typeof type === "object" ? "link" : type, flags];
  });
  assertEquals(
    fields,
    Array.from(model.fields, ([name, { type, default: _, ...flags }]) => {
      return [name, type, Object.fromEntries(Object.entries(flags).filter(([, flag]) => flag))];
    }),
  );
  assertEquals(
    db.defaults as ModelRow,
    Object.fromEntries(Array.from(model.fields, ([name, field]) => [name, field.default])),
  );
}

// --------------------------------------------------------------- runs

interface Failure {
  readonly error: unknown;
  /** How many steps it took. */
  readonly length: number;
  /** What was called in them. */
  readonly calls: readonly string[];
}

/** Plays steps on a new table. */
async function play(seeds: readonly number[]): Promise<Failure | undefined> {
  await using temp = tempBase();
  PsBase.createSync(temp.path, { id: "integer" })[Symbol.dispose]();
  const handles = new Handles(temp.path);
  await using remote = await openRemote(temp.path, "PsBase");
  const calls: string[] = [];
  let length = 0;
  try {
    await handles.reopen("full");
    const random = randomFrom(0);
    const run: Run = { handles, remote, model: new ModelTable(), random, db: handles.all[0]! };
    for (const seed of seeds) {
      length++;
      await step(run, seed, (call) => calls.push(call));
    }
    await handles.reopen("full");
    for (const db of handles.all) compareAll(db, run.model);
    return undefined;
  } catch (error) {
    return { error, length, calls };
  } finally {
    await handles.close();
  }
}

/** Plays steps; if they fail, tells the fewest that do. */
async function playAndShrink(seeds: readonly number[], told: string): Promise<void> {
  let failure = await play(seeds);
  if (failure === undefined) return;
  const steps = await shrink(seeds.slice(0, failure.length), async (shorter) => {
    const result = await play(shorter);
    if (result !== undefined) failure = result;
    return result !== undefined;
  });
  const { error, calls } = failure;
  const message = `${told}, PSBASE_STEPS=${steps}\n${calls.join("\n")}\n${error}`;
  throw new Error(message, { cause: error });
}

Deno.test("PsBase does what a map does, whatever is done by several handles and processes", async () => {
  const given = Deno.env.get("PSBASE_STEPS");
  if (given !== undefined) return await playAndShrink(given.split(",").map(Number), "given");
  const seed = newSeed();
  for (let round = 0; round < ROUNDS; round++) {
    const random = randomFrom(seed + round);
    const seeds = Array.from({ length: STEPS }, () => random.below(2 ** 32));
    await playAndShrink(seeds, `seed ${seed} round ${round}`);
  }
});

Deno.test("shrink() leaves what it takes to fail", async () => {
  const list = Array.from({ length: 300 }, (_, n) => n);
  let asked = 0;
  const shorter = await shrink(list, (some) => {
    asked++;
    return Promise.resolve(some.includes(17) && some.includes(203) && some.includes(204));
  });
  assertEquals(shorter, [17, 203, 204]);
  assert(asked <= 300);
  assertEquals(await shrink([1, 2], () => Promise.resolve(false)), [1, 2]);
});
