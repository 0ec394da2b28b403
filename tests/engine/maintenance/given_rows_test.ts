import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { BaseExistsError, PsBase, type Schema, WriteError } from "@psbase/psbase";
import { isTold } from "../../../cli/process/errors.ts";
import { createFromRows, type GivenRow } from "../../../engine/maintenance/given_rows.ts";
import { tempBase } from "../../helpers/temp_base.ts";
import { watchFiles } from "../../helpers/watched_files.ts";
import { withFiles } from "../../../engine/system/deno_file.ts";

const SCHEMA = {
  name: { type: "string", default: "nobody" },
  n: { type: "integer", index: true },
  email: { type: "string", unique: true },
} as const;

/** `count` rows in chunks of an odd size, every third id left out. */
async function* someRows(count: number): AsyncGenerator<GivenRow[]> {
  const rowOf = (i: number): GivenRow => ({
    id: i + (i >> 1),
    version: i % 5,
    values: [`row ${i}`, i % 7, i % 10 === 0 ? null : `${i}@x`],
  });
  for (let at = 0; at < count; at += 777) {
    await Promise.resolve();
    yield Array.from({ length: Math.min(777, count - at) }, (_, i) => rowOf(at + i));
  }
}

Deno.test("createFromRows() makes a table of rows with their ids and versions", async () => {
  await using temp = tempBase();
  const count = 40_000;
  assertEquals(await createFromRows(temp.path, SCHEMA, someRows(count), { nextId: 70_000 }), count);
  using db = PsBase.openSync(temp.path, { schema: SCHEMA });
  assertEquals(db.size, count);
  assertEquals(db.get(59_998), {
    __id__: 59_998,
    __version__: 39_999 % 5,
    name: "row 39999",
    n: 39_999 % 7,
    email: "39999@x",
  });
  assertEquals([db.has(2), db.get(3)?.name], [false, "row 2"]);
  assertEquals([db.explain({ email: "7@x" }).index, db.explain({ n: 9 }).index], ["email", "n"]);
  assertEquals(db.count({ n: 3 }), [...Array(count).keys()].filter((i) => i % 7 === 3).length);
  assertEquals(db.insertSync({ email: "new@x" }), 70_000);
  assertEquals(db.get(70_000)?.name, "nobody");
  assertEquals(db.sequence, 2); // all of them were the first commit
});

Deno.test("createFromRows() takes no rows, too, and counts ids on from the last one", async () => {
  await using temp = tempBase();
  assertEquals(await createFromRows(temp.path, SCHEMA, []), 0);
  using db = PsBase.openSync(temp.path);
  assertEquals([db.size, db.insertSync({})], [0, 0]);
  const other = `${temp.parent}/other`;
  assertEquals(await createFromRows(other, SCHEMA, [[{ id: 7, version: 2, values: [] }], []]), 1);
  using base = PsBase.openSync(other);
  assertEquals(base.insertSync({}), 8);
});

const FAULTS: readonly {
  readonly what: string;
  readonly rows: readonly GivenRow[];
  readonly schema?: Schema;
  readonly nextId?: number;
  readonly error: string;
  readonly told: string;
}[] = [
  {
    what: "an id that is there twice",
    rows: [{ id: 3, version: 0, values: [] }, { id: 3, version: 0, values: [] }],
    error: "RangeError",
    told: "row 3: the row before has the same id",
  },
  {
    what: "ids that do not ascend",
    rows: [{ id: 3, version: 0, values: [] }, { id: 1, version: 0, values: [] }],
    error: "RangeError",
    told: "row 1: it comes after row 3, sort the rows by id",
  },
  {
    what: "no id",
    rows: [{ id: -1, version: 0, values: [] }],
    error: "RangeError",
    told: "row -1: that is no id",
  },
  {
    what: "no version",
    rows: [{ id: 0, version: 0.5, values: [] }],
    error: "RangeError",
    told: "row 0: 0.5 is no version",
  },
  {
    what: "a next id that a row has",
    rows: [{ id: 5, version: 0, values: [] }],
    nextId: 5,
    error: "RangeError",
    told: "5 as the next id, expected 6 or more",
  },
  {
    what: "a value of the wrong type",
    rows: [{ id: 5, version: 0, values: [undefined, "x"] }],
    error: "TypeError",
    told: `row 5: field "n": "x" is a string, expected an integer`,
  },
  {
    what: "more values than fields",
    rows: [{ id: 5, version: 0, values: [null, null, null, 1] }],
    error: "SchemaError",
    told: "row 5: 4 values for 3 fields",
  },
  {
    what: "a unique value that is there twice",
    rows: [4, 5, 6].map((id) => ({ id, version: 0, values: [null, null, `${id % 2}@x`] })),
    error: "UniqueError",
    told: 'field "email" is unique, and row 4 has "0@x" already',
  },
  {
    what: "a wrong schema",
    rows: [],
    schema: { _n: "integer" } as never,
    error: "SchemaError",
    told: 'field "_n"',
  },
];

for (const { what, rows, schema = SCHEMA, nextId, error, told } of FAULTS) {
  Deno.test(`createFromRows() refuses ${what}, and leaves nothing`, async () => {
    await using temp = tempBase();
    const failed = await assertRejects(
      () => createFromRows(temp.path, schema, rows.map((row) => [row]), { nextId }),
      Error,
    );
    assertEquals(failed.name, error);
    assert(isTold(failed), "the command shows it without a stack");
    assertStringIncludes(failed.message, `Cannot create "${temp.path}": `);
    assertStringIncludes(failed.message, told);
    assertEquals([...Deno.readDirSync(temp.parent)], []);
  });
}

Deno.test("createFromRows() throws what its rows throw, ends them, and leaves nothing", async () => {
  await using temp = tempBase();
  const reason = new Error("line 3");
  let ended = 0;
  async function* rows(fails: boolean): AsyncGenerator<GivenRow[]> {
    try {
      yield* someRows(20_000);
      if (fails) throw reason;
      yield [{ id: 0, version: 0, values: [] }];
    } finally {
      ended++;
    }
  }
  const files = watchFiles();
  const failed = (fails: boolean) =>
    withFiles(files, () => createFromRows(temp.path, SCHEMA, rows(fails))).catch((error) => error);
  assert(await failed(true) === reason);
  assert(await failed(false) instanceof RangeError);
  assertEquals(ended, 2);
  assertEquals([...files.opened], []);
  assertEquals([...Deno.readDirSync(temp.parent)], []);
});

Deno.test("createFromRows() ends at its signal, also when all rows were given, and leaves nothing", async () => {
  await using temp = tempBase();
  const controller = new AbortController();
  const reason = new Error("enough");
  async function* rows(): AsyncGenerator<GivenRow[]> {
    yield* someRows(40_000);
    controller.abort(reason);
  }
  const files = watchFiles();
  const { signal } = controller;
  const failed = await withFiles(files, () => createFromRows(temp.path, SCHEMA, rows(), { signal }))
    .catch((error) => error);
  assert(failed === reason);
  assertEquals([...files.opened], []);
  assertEquals([...Deno.readDirSync(temp.parent)], []);
});

Deno.test("createFromRows() that the disk refuses leaves nothing, and can be done again", async () => {
  await using temp = tempBase();
  const files = watchFiles();
  const make = () => withFiles(files, () => createFromRows(temp.path, SCHEMA, someRows(20_000)));
  let left = Infinity;
  files.beforeWrite = () => {
    if (left-- === 0) throw new Error("no space");
  };
  for (let i = 0;; i++) {
    left = i;
    try {
      await make();
      break;
    } catch (error) {
      assert(error instanceof WriteError, `write ${i}: ${error}`);
      assertStringIncludes(error.message, "no space, nothing was made");
      assertEquals([...Deno.readDirSync(temp.parent)], []);
    }
  }
  assert(files.writes > 40, `${files.writes}`);
  using db = PsBase.openSync(temp.path);
  assertEquals(db.size, 20_000);
});

Deno.test("createFromRows() leaves alone what is there", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { n: "integer" });
  db.insertSync({ n: 1 });
  for (const path of [temp.path, temp.parent]) {
    await assertRejects(() => createFromRows(path, SCHEMA, someRows(10)), BaseExistsError);
  }
  assertEquals([db.size, (await db.check()).ok], [1, true]);
});
