import { assertEquals, assertRejects } from "@std/assert";
import { denoFiles, withFiles } from "../../engine/file.ts";
import { Base, PsBase, type TypeName } from "../../mod.ts";
import { anyCondition, anyValue, compareValues, type ModelRow, VALUES } from "../helpers/model.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { tempBase } from "../helpers/temp_base.ts";

const LONG = Deno.env.get("PSBASE_LONG") !== undefined;
const TYPES = Object.keys(VALUES) as TypeName[];
const NAMES = ["a", "b", "c", "then", "constructor"];

interface ModelField {
  readonly type: TypeName;
  default: unknown;
}

/** A table as a map. */
class Model {
  readonly fields = new Map<string, ModelField>([["id", { type: "integer", default: null }]]);
  readonly rows = new Map<number, ModelRow>();
  nextId = 0;

  insert(values: ModelRow): number {
    const row: ModelRow = { __id__: this.nextId, __version__: 0 };
    for (const [name, field] of this.fields) {
      row[name] = Object.hasOwn(values, name) ? values[name] : field.default;
    }
    this.rows.set(this.nextId, row);
    return this.nextId++;
  }

  update(id: number, values: ModelRow): void {
    const row = this.rows.get(id)!;
    this.rows.set(id, { ...row, ...values, __version__: row.__version__ as number + 1 });
  }

  addField(name: string, type: TypeName, value: unknown): void {
    this.fields.set(name, { type, default: value });
    for (const row of this.rows.values()) row[name] = value;
  }

  dropField(name: string): void {
    this.fields.delete(name);
    for (const row of this.rows.values()) delete row[name];
  }
}

function anyRow(random: Random, model: Model): ModelRow {
  const row: ModelRow = {};
  for (const [name, { type }] of model.fields) {
    if (random.chance(0.3)) continue;
    row[name] = random.chance(0.1) ? null : anyValue(random, type);
  }
  return row;
}

/** The handles: two that are like two processes, one that reads only; now and then all are new. */
class Handles {
  readonly #path: string;
  readonly #random: Random;
  #open: PsBase[] = [];

  constructor(path: string, random: Random) {
    this.#path = path;
    this.#random = random;
  }

  get all(): readonly PsBase[] {
    return this.#open;
  }

  get writer(): PsBase {
    return this.#open[this.#random.below(2)]!;
  }

  async reopen(): Promise<void> {
    await this.close();
    const durability = this.#random.pick(["full", "relaxed"] as const);
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

function ids(random: Random, model: Model): number[] {
  const live = [...model.rows.keys()];
  const count = random.pick([1, 1, 2, 10]);
  return [...new Set(Array.from({ length: count }, () => random.pick(live)))];
}

/** One step: the same on the base and on the model. */
async function step(random: Random, handles: Handles, model: Model): Promise<string> {
  const db = handles.writer;
  const verb = model.rows.size === 0 ? "insertMany" : random.pick([
    ...["insert", "insert", "insert", "insertMany", "update", "update", "update", "update"],
    ...["function", "delete", "delete", "deleteMany", "concurrent", "failing"],
    ...["addField", "dropField", "setDefault", "cleanup", "commit", "reopen", "own"],
  ]);
  switch (verb) {
    case "insert": {
      const row = anyRow(random, model);
      const id = random.chance(0.5) ? db.insertSync(row as never) : await db.insert(row as never);
      assertEquals(id, model.insert(row));
      break;
    }
    case "insertMany": {
      const count = random.pick([2, 63, 64, 100]);
      const rows = Array.from({ length: count }, () => anyRow(random, model));
      assertEquals(await db.insertMany(rows as never), rows.map((row) => model.insert(row)));
      break;
    }
    case "update": {
      const targets = ids(random, model);
      const changes = anyRow(random, model);
      const rows = random.chance(0.5) ? targets : targets.map((id) => db.get(id)!);
      await db.update(rows, changes as never);
      for (const id of targets) model.update(id, changes);
      break;
    }
    case "function": {
      const [id] = ids(random, model);
      const changes = anyRow(random, model);
      db.updateSync(
        id!,
        ((row: ModelRow) => {
          assertEquals(row, model.rows.get(id!));
          return changes;
        }) as never,
      );
      model.update(id!, changes);
      break;
    }
    case "delete":
    case "deleteMany": {
      const targets = verb === "delete" ? ids(random, model) : [...model.rows.keys()]
        .filter((_, i, { length }) => length > 200 ? i > 60 : random.chance(0.2));
      assertEquals(await db.delete([...targets, ...targets, -1]), targets.length);
      for (const id of targets) model.rows.delete(id);
      break;
    }
    case "concurrent": {
      // Asked for together on one handle: they are committed together, in order.
      const [id] = ids(random, model);
      const rows = Array.from({ length: 5 }, () => anyRow(random, model));
      const promises: Promise<unknown>[] = rows.map((row) => db.insert(row as never));
      promises.push(db.update(id!, rows[0] as never), db.delete(id!), db.insert(rows[1] as never));
      const expected: unknown[] = rows.map((row) => model.insert(row));
      model.rows.delete(id!);
      const last = model.insert(rows[1]!);
      const results = await Promise.all(promises);
      assertEquals([...results.slice(0, 5), ...results.slice(6)], [...expected, 1, last]);
      break;
    }
    case "failing":
      await assertRejects(() => db.insertMany([anyRow(random, model), { id: "x" }] as never));
      await assertRejects(() => db.update([...ids(random, model), -1], {}));
      break;
    case "addField": {
      const name = random.pick(NAMES.filter((name) => !model.fields.has(name)).concat("id"));
      if (name === "id") break;
      const type = random.pick(TYPES);
      const value = random.chance(0.5) ? anyValue(random, type) : null;
      const after = random.pick([...model.fields.keys()]);
      const field = value === null ? type : { type, default: value };
      await db.addField(name as never, field as never, { after });
      model.addField(name, type, value);
      break;
    }
    case "dropField": {
      const name = random.pick([...model.fields.keys()]);
      if (name === "id") break;
      await db.dropField(name);
      model.dropField(name);
      break;
    }
    case "setDefault": {
      const [name, field] = random.pick([...model.fields]);
      field.default = random.chance(0.2) ? null : anyValue(random, field.type);
      db.setDefaultSync(name, field.default as never);
      break;
    }
    case "cleanup":
      if (random.chance(0.5)) await db.cleanup();
      else db.cleanupSync();
      break;
    case "commit":
      await db.commit();
      break;
    case "reopen":
      await handles.reopen();
      break;
    case "own": {
      using owner = await Base.open(db.path);
      const row = anyRow(random, model);
      assertEquals(owner.insertSync(row as never), model.insert(row));
      if (random.chance(0.3)) await owner.cleanup();
      break;
    }
  }
  return verb;
}

function compareSome(random: Random, handles: Handles, model: Model): void {
  for (const db of handles.all) {
    assertEquals(db.size, model.rows.size);
    const id = random.below(model.nextId + 1);
    assertEquals(db.get(id) as unknown, model.rows.get(id));
    assertEquals(db.has(id), model.rows.has(id));
    const live = [...model.rows.keys()];
    const n = random.below(live.length + 1);
    assertEquals([db.at(n)?.__id__, db.at(-n - 1)?.__id__], [live[n], live.at(-n - 1)]);
    const [name, { type }] = random.pick([...model.fields]);
    const { wanted, test } = anyCondition(random, type);
    const expected = [...model.rows.values()].filter((row) => test(row[name]));
    const told = `${name} (${type}) ${Deno.inspect(wanted)}`;
    assertEquals(
      db.select({ [name]: wanted as never }).map((row) => row.__id__),
      expected.map((row) => row.__id__ as number),
      told,
    );
    assertEquals(db.count({ [name]: wanted as never }), expected.length, told);
  }
}

function compareAll(handles: Handles, model: Model): void {
  const rows = [...model.rows.values()];
  for (const db of handles.all) {
    assertEquals(db.select() as unknown[], rows);
    assertEquals([...db.keys()], rows.map((row) => row.__id__ as number));
    const types = Object.entries(db.schema).map(([name, { type }]) => [name, type]);
    assertEquals(
      new Map(types as [string, unknown][]),
      new Map(Array.from(model.fields, ([k, f]) => [k, f.type])),
    );
    for (const [name, { type, default: value }] of model.fields) {
      assertEquals(compareValues(type, db.defaults[name], value), 0);
    }
  }
}

Deno.test("PsBase does what a map does, whatever is done by several handles", async () => {
  const seed = newSeed();
  for (let round = 0; round < (LONG ? 50 : 4); round++) {
    const random = randomFrom(seed + round);
    await using temp = tempBase();
    PsBase.createSync(temp.path, { id: "integer" })[Symbol.dispose]();
    const model = new Model();
    const handles = new Handles(temp.path, random);
    const done: string[] = [];
    try {
      await handles.reopen();
      for (let i = 0; i < 500; i++) {
        done.push(await step(random, handles, model));
        compareSome(random, handles, model);
        if (i % 20 === 0) compareAll(handles, model);
      }
      await handles.reopen();
      compareAll(handles, model);
    } catch (error) {
      const last = done.slice(-10).join(", ");
      throw new Error(`seed ${seed} round ${round} step ${done.length} after ${last}`, {
        cause: error,
      });
    } finally {
      await handles.close();
    }
  }
});
