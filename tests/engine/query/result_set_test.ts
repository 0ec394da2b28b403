import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ResultSet, resultSet } from "../../../engine/query/result_set.ts";
import type { TypeName } from "../../../engine/schema/types.ts";
import { VALUE_TYPES } from "../../../engine/schema/values.ts";

// deno-lint-ignore no-explicit-any
type Loose = any;

/** A result set of rows with ids 0, 1, 2 … and these values. */
function setOf(types: { readonly [name: string]: TypeName }, rows: readonly object[]) {
  const fields = Object.entries(types).map(([name, type]) => ({ name, value: VALUE_TYPES[type] }));
  const set = resultSet(fields);
  rows.forEach((row, i) => set.push({ __id__: i, __version__: 0, ...row }));
  return set as Loose;
}

const ids = (rows: Loose): number[] => rows.map(({ __id__ }: Loose) => __id__);

const METHOD = Object.fromEntries([["constructor", "string"]] as const);
const PEOPLE = { name: "string", age: "integer" } as const;
const people = () =>
  setOf(PEOPLE, [
    { name: "homer", age: 39 },
    { name: "lisa", age: 8 },
    { name: null, age: null },
    { name: "marge", age: 39 },
  ]);

/** What `fn` prints, each call a string. */
function printed(fn: () => void): unknown[] {
  const terminal: Pick<Console, "log"> = console;
  const { log } = terminal;
  const calls: unknown[][] = [];
  terminal.log = (...args) => void calls.push(args);
  try {
    fn();
  } finally {
    terminal.log = log;
  }
  assert(calls.every(({ length }) => length === 1));
  return calls.flat();
}

Deno.test("a ResultSet shows nothing but its rows", () => {
  const set = people();
  const plain = [...set];
  assertEquals(Object.keys(set), Object.keys(plain));
  assertEquals(Object.entries({ ...set }), Object.entries({ ...plain }));
  const met = [];
  for (const key in set) met.push(key);
  assertEquals(met, ["0", "1", "2", "3"]);
  assertStrictEquals(JSON.stringify(set), JSON.stringify(plain));
  assertStrictEquals(Deno.inspect(set), `ResultSet(4) ${Deno.inspect(plain)}`);
  assertEquals(structuredClone(set), plain);
  const [first, , ...rest] = set;
  assertEquals([first, ...rest], [plain[0], plain[2], plain[3]]);
  assert(Array.isArray(set));
});

Deno.test("console.table() shows a ResultSet as it shows an array", async () => {
  const module = new URL("../../../engine/query/result_set.ts", import.meta.url);
  const code = `
    import { resultSet } from "${module}";
    const rows = () => [{ __id__: 0, name: "marge" }, { __id__: 1, name: "homer" }];
    console.table(rows());
    const set = resultSet([]);
    set.push(...rows());
    console.table(set);
  `;
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", code] }).output();
  const shown = new TextDecoder().decode(stdout);
  const half = shown.slice(0, shown.length / 2);
  assertStringIncludes(half, "marge");
  assertStrictEquals(shown, half + half);
});

Deno.test("a ResultSet is one by instanceof, and what is made of it is a plain array", () => {
  const set = people();
  assert(set instanceof ResultSet);
  assert(set instanceof Array);
  const same = (row: object) => row;
  for (
    const made of [
      [...set],
      set.map(same),
      set.filter(same),
      set.slice(),
      set.concat([]),
      set.toSorted(),
      structuredClone(set),
      Array.from(set),
      set.splice(0, 1),
    ]
  ) {
    assert(!(made instanceof ResultSet));
    assertStrictEquals(made.constructor, Array);
    assert(!("sortBy" in made));
  }
  assert(!((null as unknown) instanceof ResultSet));
  assert(!(("rows" as unknown) instanceof ResultSet));
});

Deno.test("a ResultSet that is not from select knows no fields", () => {
  assertThrows(
    () => (ResultSet as Loose).from([{ name: "x" }]).sortBy("name"),
    TypeError,
    'there is no field "name" in these rows, there are __id__, __version__',
  );
});

Deno.test("ResultSet.first is the row that is first now", () => {
  const set = people();
  assertEquals(set.first, { __id__: 0, __version__: 0, name: "homer", age: 39 });
  assertStrictEquals(set.sortBy("-name").first.name, "marge");
  set.length = 0;
  assertStrictEquals(set.first, undefined);
});

// ------------------------------------------------------------- sortBy

Deno.test("ResultSet.sortBy() sorts in place, by several fields, in both directions", () => {
  const set = people();
  assertStrictEquals(set.sortBy("-age", "name"), set);
  assertEquals(ids(set), [0, 3, 1, 2]);
  assertEquals(ids(set.sortBy("-age", "-name")), [3, 0, 1, 2]);
  assertEquals(ids(set.sortBy("+name")), [2, 0, 1, 3]);
  assertEquals(ids(set.sortBy("-__id__")), [3, 2, 1, 0]);
  assertEquals(ids(set.sortBy("__version__")), [0, 1, 2, 3]);
});

Deno.test("ResultSet.sortBy() puts ties in the order of ids, whatever the order before", () => {
  const set = setOf({ n: "integer" }, [1, 0, 1, null, 0, 1, null].map((n) => ({ n })));
  set.reverse();
  assertEquals(ids(set.sortBy("n")), [3, 6, 1, 4, 0, 2, 5]);
  assertEquals(ids(set.sortBy("-n")), [0, 2, 5, 1, 4, 3, 6]);
});

Deno.test("ResultSet.sortBy() is stable where ids are equal or missing", () => {
  const set = setOf({ n: "integer" }, []);
  for (let i = 0; i < 100; i++) set.push({ n: i % 2, i });
  const sorted = set.sortBy("-n").map(({ i }: Loose) => i);
  const expected = Array.from({ length: 100 }, (_, k) => k < 50 ? 2 * k + 1 : 2 * (k - 50));
  assertEquals(sorted, expected);
});

const IN_ORDER: [TypeName, unknown[]][] = [
  ["integer", [null, -10, -9, 0, 2, 10]],
  ["float", [null, -Infinity, -1.5, 0, 5e-324, 2, Infinity, NaN]],
  ["boolean", [null, false, true]],
  ["bigint", [null, -(2n ** 63n), -1n, 0n, 2n ** 53n, 2n ** 53n + 1n]],
  // By JavaScript's `<`, "😀" would come before "\uffff".
  ["string", [null, "", "B", "a", "aa", "é", "\uffff", "😀", "😁"]],
  ["bytes", [null, [], [0], [0, 255], [1], [127], [128]].map((b) => b && new Uint8Array(b))],
  ["timestamp", [null, -1, 0, 1e12].map((ms) => ms === null ? null : new Date(ms))],
  [
    "date",
    [null, "-000001-12-31", "1969-12-31", "2026-01-10", "2026-02-09"].map((text) =>
      text && Temporal.PlainDate.from(text)
    ),
  ],
  ["time", [null, "09:00", "10:00:00.5"].map((text) => text && Temporal.PlainTime.from(text))],
  [
    "datetime",
    [null, "-000001-12-31T23:00", "2026-01-10T12:00", "2026-01-10T12:00:00.000000001"].map((text) =>
      text && Temporal.PlainDateTime.from(text)
    ),
  ],
];

for (const [type, values] of IN_ORDER) {
  Deno.test(`ResultSet.sortBy() orders ${type} as the table does`, () => {
    // Neither up nor down, so that both directions have something to do.
    const mixed = [...values.keys()].sort((a, b) => (a * 7 + 3) % 11 - (b * 7 + 3) % 11);
    const set = setOf(
      { v: type, place: "integer" },
      mixed.map((i) => ({ v: values[i], place: i })),
    );
    const places = () => set.map(({ place }: Loose) => place);
    const up = [...values.keys()];
    set.sortBy("v");
    assertEquals(places(), up);
    set.sortBy("-v");
    assertEquals(places(), up.reverse());
  });
}

Deno.test("ResultSet.sortBy() holds -0 for 0", () => {
  const set = setOf({ v: "float" }, [0, -0, 0, -0].map((v) => ({ v })));
  assertEquals(ids(set.sortBy("v")), [0, 1, 2, 3]);
  assertEquals(ids(set.sortBy("-v")), [0, 1, 2, 3]);
});

Deno.test("ResultSet.sortBy() takes a missing value for null, also of a field named as a method", () => {
  const set = setOf(METHOD, [{ constructor: "x" }, {}]);
  assertEquals(ids(set.sortBy("constructor")), [1, 0]);
});

Deno.test("ResultSet.sortBy() takes each value once, however many comparisons", () => {
  let taken = 0;
  const value = {
    ...VALUE_TYPES.integer,
    encode: (value: unknown) => (taken++, VALUE_TYPES.integer.encode(value)),
  };
  const rows = Array.from({ length: 1000 }, (_, i) => ({ __id__: i, n: i * 7919 % 1000 }));
  const set = resultSet<typeof rows[number]>([{ name: "n", value }]);
  set.push(...rows);
  set.sortBy("n");
  assertStrictEquals(taken, 1000);
  assertEquals(set.map(({ n }) => n), [...rows.keys()]);
});

Deno.test("ResultSet.sortBy() refuses what it cannot sort by, and leaves the rows as they were", () => {
  const set = setOf({ ...PEOPLE, data: "json" }, [{ name: "b", age: 1 }, { name: "a", age: 0 }]);
  const message = (...terms: unknown[]) =>
    assertThrows(() => set.sortBy(...terms), TypeError).message;
  assertEquals(message(), "sortBy: no field to sort by");
  assertEquals(message("data"), 'sortBy: field "data" is json, which has no order');
  assertEquals(
    message("name", "-agee"),
    'sortBy: there is no field "agee" in these rows, there are __id__, __version__, name, age, data',
  );
  assertEquals(message("__schema__").slice(0, 38), 'sortBy: there is no field "__schema__"');
  assertEquals(message("+name -age").slice(0, 37), 'sortBy: there is no field "name -age"');
  assertEquals(message("--age").slice(0, 32), 'sortBy: there is no field "-age"');
  assertEquals(message(["name"]), "sortBy: it is an array, expected a field");
  assertEquals(message(undefined), "sortBy: it is undefined, expected a field");
  set.push({ name: "c", age: "1" });
  assertEquals(
    message("name", "age"),
    'sortBy: field "age": "1" is a string, expected an integer',
  );
  set.at(-1).age = 0.5;
  assertThrows(() => set.sortBy("age"), RangeError, 'sortBy: field "age": 0.5 is not');
  assertEquals(set.map(({ name }: Loose) => name), ["b", "a", "c"]);
});

// ------------------------------------------------------------- pp

Deno.test("ResultSet.pp() prints id and fields, all in one call", () => {
  assertEquals(printed(() => people().pp(80)), [[
    "__id__  name   age",
    "──────  ─────  ───",
    "     0  homer   39",
    "     1  lisa     8",
    "     2",
    "     3  marge   39",
  ].join("\n")]);
});

Deno.test("ResultSet.pp() prints a header for no rows, nothing for a value that is missing", () => {
  const set = setOf(PEOPLE, []);
  assertEquals(printed(() => set.pp(80)), ["__id__  name  age\n──────  ────  ───"]);
  set.push({ __id__: 7, age: 3 });
  assertEquals(printed(() => set.pp(80)), [
    "__id__  name  age\n──────  ────  ───\n     7          3",
  ]);
});

Deno.test("ResultSet.pp() keeps to the width, 80 where there is no terminal", () => {
  const set = setOf({ text: "string" }, [{ text: "日本\x1b".repeat(100) }]);
  const rule = (...width: number[]) => String(printed(() => set.pp(...width))[0]).split("\n")[1];
  assertStrictEquals(rule(40)!.length, 40);
  assertStrictEquals(rule(0), "──────  ────────"); // __id__, and how many more
  assertStrictEquals(rule(Infinity)!.length, 8 + 800);
  if (!Deno.stdout.isTerminal()) assertStrictEquals(rule()!.length, 80);
  assert(!String(printed(() => set.pp(40))[0]).includes("\x1b"));
});

Deno.test("ResultSet.pp() refuses a width that is none", () => {
  for (const width of [-1, NaN, "80", null]) {
    assertThrows(() => people().pp(width), RangeError, `width is ${width}`);
  }
});
