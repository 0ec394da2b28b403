import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { SchemaError } from "../../../engine/system/errors.ts";
import { json, readField, type StoredRow } from "../../../engine/schema/field_def.ts";
import { TableSchema } from "../../../engine/schema/schema.ts";
import type { Schema } from "../../../engine/schema/types.ts";

const PEOPLE: Schema = {
  name: "string",
  age: { type: "integer", default: 18 },
  team: { type: "string", required: true },
  rank: { type: "string", required: true, default: "new" },
  birth: { type: "date", default: Temporal.PlainDate.from("2000-02-29") },
  photo: { type: "bytes", default: new Uint8Array([1, 2]) },
  weight: { type: "float", default: NaN },
  big: { type: "bigint", default: 2n ** 60n },
  tags: { type: json<string[]>(), default: ["a"] },
  data: json(),
};

const people = () => TableSchema.from(PEOPLE);
/** Through the text of a file, as every schema that is opened. */
const stored = (schema: TableSchema) =>
  TableSchema.fromJson(JSON.parse(JSON.stringify(schema.toJson())));
const row = (values: StoredRow["values"]): StoredRow => ({ version: 0, values });

function refuses(schema: unknown, message: string): void {
  assertThrows(() => TableSchema.from(schema as Schema), SchemaError, message);
}

Deno.test("TableSchema.from() keeps the order of fields and spells out their options", () => {
  assertEquals(people().fields.map((field) => field.name), Object.keys(PEOPLE));
  assertEquals(people().fields.map((field) => field.number), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(
    TableSchema.from({ a: "date", b: json(), c: { type: json(), default: 1 } }).fieldSpecs(),
    {
      a: { type: "date" },
      b: { type: "json" },
      c: { type: "json", default: 1 },
    },
  );
});

Deno.test("TableSchema.describe() is a schema that gives the same again", () => {
  const again = TableSchema.from(people().fieldSpecs() as Schema);
  assertEquals(again.toJson(), people().toJson());
  assertEquals(again.fieldSpecs(), people().fieldSpecs());
});

Deno.test("TableSchema.defaults() names all fields", () => {
  assertEquals(people().defaults(), {
    name: null,
    age: 18,
    team: null,
    rank: "new",
    birth: Temporal.PlainDate.from("2000-02-29"),
    photo: new Uint8Array([1, 2]),
    weight: NaN,
    big: 2n ** 60n,
    tags: ["a"],
    data: null,
  });
});

Deno.test("TableSchema hands out copies of defaults", () => {
  const schema = people();
  (schema.defaults().photo as Uint8Array)[0] = 9;
  (schema.defaults().tags as string[]).push("b");
  assertEquals(schema.defaults().photo, new Uint8Array([1, 2]));
  assertEquals(schema.defaults().tags, ["a"]);
});

Deno.test("TableSchema.from() takes every name that is a letter, then letters with their marks, digits, _", () => {
  const names = [
    "constructor",
    "then",
    "length",
    "toString",
    "hasOwnProperty",
    "a",
    "é",
    "名前",
    "x_1",
    "Ω٣",
    "नाम",
    "की",
    "ชื่อ",
    "பெயர்",
    "বয়স".normalize(),
    "می\u200cخواهم",
    "क्\u200dष",
    "a".repeat(255),
  ];
  const schema = TableSchema.from(Object.fromEntries(names.map((name) => [name, "integer"])));
  assertEquals(Object.keys(schema.fieldSpecs()), names);
  assertEquals(Object.keys(stored(schema).defaults()), names);
  const values = schema.encodeInsert({ then: 1, constructor: 2 });
  assertEquals(
    values,
    names.map((name) => name === "then" ? 1 : name === "constructor" ? 2 : null),
  );
});

Deno.test("TableSchema.from() refuses other names", () => {
  for (
    const name of ["", "1a", "a b", "a-b", "a.b", "a\0", "-", "😀", "\u0301a", "a\u200b", "a\u20dd"]
  ) {
    refuses({ [name]: "string" }, "a name is a letter");
  }
  for (const name of ["_a", "__proto__", "__id__", "__version__", "_"]) {
    refuses({ [name]: "string" }, "reserved");
  }
  refuses({ ["é".repeat(128)]: "string" }, "255 bytes");
  refuses({ ["ชื่อ".repeat(22)]: "string" }, "255 bytes");
});

Deno.test("TableSchema takes names in NFC only, so that no two are the same text", () => {
  for (const name of ["a\u0301", "\u212a", "\u1100\u1161"]) {
    refuses({ [name]: "string" }, "NFC");
    const schema = TableSchema.from({ x: "string" });
    assertThrows(() => schema.withName("x", name), SchemaError, "NFC");
    assertThrows(() => schema.withField(name, "string", { empty: true }), SchemaError, "NFC");
    const composed = name.normalize();
    assertEquals([...TableSchema.from({ [composed]: "string" }).byName.keys()], [composed]);
  }
});

Deno.test("TableSchema.fromJson() reads names that earlier versions took, also other than NFC", () => {
  const schema = TableSchema.fromJson({
    fields: [{ name: "\u212a", number: 0, type: "string" }],
    nextNumber: 1,
  });
  assertEquals(schema.fields[0]!.name, "\u212a");
  const unnamed = { fields: [{ name: "a b", number: 0, type: "string" }], nextNumber: 1 };
  assertThrows(() => TableSchema.fromJson(unnamed), SyntaxError, "name");
});

Deno.test("TableSchema.from() refuses what is no schema", () => {
  for (const schema of [null, undefined, "string", 5, ["name"]]) {
    assertThrows(() => TableSchema.from(schema as unknown as Schema), TypeError, "schema: ");
  }
  refuses({}, "at least one field");
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, "integer"]));
  assertEquals(TableSchema.from(many(255) as Schema).fields.length, 255);
  refuses(many(256), "a table can have 255");
});

Deno.test("TableSchema.from() refuses what is no field, and says what is wrong", () => {
  refuses({ a: "text" }, 'field "a": unknown type "text", the types are string, integer');
  refuses({ a: "constructor" }, 'unknown type "constructor"');
  refuses({ a: null }, 'field "a": no type (it is null)');
  refuses({ a: {} }, "no type (it is undefined)");
  refuses({ a: { type: { json: 1 } } }, "no type");
  refuses(
    { a: { type: "string", requird: true } },
    'unknown option "requird", the options are type',
  );
  refuses({ a: { type: "string", unique: 1 } }, "unique: 1 is a number, expected a boolean");
  refuses({ a: { type: "json", unique: true } }, "json has no order, so it cannot have an index");
  refuses({ a: "link" }, "no type");
  refuses({ a: { link: 5 } }, "no type");
  refuses({ a: { type: { link: "x" }, default: 5 } }, "a link has no default");
  refuses({ a: { type: "string", required: 1 } }, "required: 1 is a number, expected a boolean");
  refuses({ a: { type: "integer", default: "3" } }, 'field "a": default: "3" is a string');
  refuses({ a: { type: "integer", default: 0.5 } }, "default: 0.5 is not an integer");
  refuses({ a: { type: "json", default: () => 1 } }, "default: it is a function");
  refuses({ a: { type: "string", required: true, default: null } }, "cannot be null");
});

Deno.test("TableSchema.takeInsert() fills in defaults for what is left out or undefined", () => {
  const tags = '["a"]';
  assertEquals(
    people().encodeInsert({ team: "a", name: undefined, age: undefined }),
    [null, 18, "a", "new", 11016, new Uint8Array([1, 2]), NaN, 2n ** 60n, tags, null],
  );
  assertEquals(people().encodeInsert({ team: "a", age: null, name: "homer" }).slice(0, 3), [
    "homer",
    null,
    "a",
  ]);
});

Deno.test("TableSchema.takeInsert() refuses rows that do not fit, naming the field", () => {
  const message = (given: unknown, kind: new (message: string) => Error) =>
    assertThrows(() => people().encodeInsert(given as object), kind).message;
  assertEquals(message({}, SchemaError), 'field "team" is required, give it a value');
  assertEquals(message({ team: null }, SchemaError), 'field "team" is required, give it a value');
  assertEquals(
    message({ team: "a", rank: null }, SchemaError),
    'field "rank" is required, give it a value',
  );
  assertEquals(message({ team: 5 }, TypeError), 'field "team": 5 is a number, expected a string');
  assertEquals(
    message({ team: "a", age: 0.5 }, RangeError),
    'field "age": 0.5 is not an integer within ±(2^53 - 1)',
  );
  assertEquals(
    message({ team: "a", nmae: "x" }, SchemaError).slice(0, 60),
    'there is no field "nmae", the fields are name, age, team, ra',
  );
  assertEquals(
    message({ team: "a", __id__: 3 }, SchemaError),
    "psbase sets __id__, leave it out",
  );
  assertEquals(
    message({ team: "a", ["__proto__"]: 3 }, SchemaError).slice(0, 29),
    'there is no field "__proto__"',
  );
  for (
    const given of [
      null,
      undefined,
      "team",
      5,
      [],
      ["team"],
      Promise.resolve(),
      new Map([["team", "a"]]),
    ]
  ) {
    assert(message(given, TypeError).endsWith("expected an object of fields"));
  }
});

Deno.test("TableSchema.takeInsert() looks at own keys only", () => {
  const inherited = Object.create({ name: "homer" });
  inherited.team = "a";
  assertEquals(people().encodeInsert(inherited).slice(0, 3), [null, 18, "a"]);
});

Deno.test("TableSchema.change() changes what is given, and nothing else", () => {
  const schema = TableSchema.from({ a: "integer", b: { type: "string", required: true } });
  const updated = (changes: object) => {
    return schema.change([1, "x"], schema.encodeChanges(changes));
  };
  assertEquals(updated({ a: 2, b: undefined }), [2, "x"]);
  assertEquals(updated({ a: null }), [null, "x"]);
  assertEquals(updated({}), [1, "x"]);
  assertThrows(() => updated({ b: null }), SchemaError, '"b" is required');
  assertThrows(() => updated({ c: 1 }), SchemaError, 'no field "c"');
  assertThrows(() => updated({ a: 1, __version__: 1 }), SchemaError);
});

Deno.test("TableSchema.withField() fills older rows with the default of that day", () => {
  const old = TableSchema.from({ a: "integer", b: "string" });
  const added = old.withField("n", { type: "string", default: "x" }, { after: "a", empty: false });
  const later = stored(added.withDefault("n", "y"));
  assertEquals(later.fields.map((field) => field.name), ["a", "n", "b"]);
  assertEquals(readField(row([1, "b"]), later.field("n")), "x");
  assertEquals(readField(row([1, "b", null]), later.field("n")), null);
  assertEquals(later.encodeInsert({}), [null, null, "y"]);
  assertEquals(old.byName.has("n"), false);
});

Deno.test("TableSchema.withField() refuses what cannot be added", () => {
  const schema = TableSchema.from({ a: "integer" });
  const add = (name: string, field: unknown, after?: string) => () =>
    schema.withField(name, field as "string", { after, empty: false });
  assertThrows(add("a", "string"), SchemaError, "already exists");
  assertThrows(add("_b", "string"), SchemaError, "reserved");
  assertThrows(add("b", "string", "c"), SchemaError, 'no field "c"');
  assertThrows(add("b", { type: "string", required: true }), SchemaError, "give it a default");
  const required = { type: "string", required: true } as const;
  assertEquals(schema.withField("b", required, { empty: true }).encodeInsert({ b: "x" }), [
    null,
    "x",
  ]);
});

Deno.test("TableSchema.withoutField() never gives a number out again", () => {
  const dropped = TableSchema.from({ a: "integer", b: "string" }).withoutField("b");
  const again = stored(dropped).withField("b", { type: "string", default: "new" }, {
    empty: false,
  });
  assertEquals(again.field("b").number, 2);
  assertEquals(readField(row([1, "old"]), again.field("b")), "new");
  assertThrows(() => dropped.encodeInsert({ b: "x" }), SchemaError, 'no field "b"');
  assertThrows(() => dropped.withoutField("b"), SchemaError, 'no field "b"');
  assertThrows(() => dropped.withoutField("a"), SchemaError, "at least one field");
});

Deno.test("TableSchema.withDefault() changes what insert puts in, checked", () => {
  const schema = people().withDefault("team", "b");
  assertEquals(stored(schema).encodeInsert({})[2], "b");
  assertEquals(schema.withDefault("age", null).encodeInsert({})[1], null);
  assertThrows(() => schema.withDefault("team", null), SchemaError, "cannot be null");
  assertThrows(() => schema.withDefault("age", "3"), TypeError, 'field "age": "3" is a string');
  assertThrows(() => schema.withDefault("agee", 3), SchemaError, 'no field "agee"');
});

Deno.test("TableSchema.difference() names the first field that differs", () => {
  const base = TableSchema.from({ a: "integer", b: { type: "string", required: true } });
  const from = (schema: Schema) => base.difference(TableSchema.from(schema));
  const b = { type: "string", required: true } as const;
  assertEquals(from({ b, a: { type: "integer", default: 5 } }), undefined);
  assertEquals(from({ a: "float", b }), 'field "a" is integer in the table, not float');
  assertEquals(from({ a: "integer", b: "string" }), 'field "b" is required in the table');
  assertEquals(
    from({ a: { type: "integer", required: true }, b }),
    'field "a" is not required in the table',
  );
  assertEquals(from({ b }), 'field "a" of the table is not in the given schema');
  assertEquals(from({ a: "integer", b, c: "date" }), 'field "c" is not in the table');
  assertEquals(
    from({ a: "integer", b: { ...b, default: "x" } }),
    'field "b" has no default in the table',
  );
});

Deno.test("TableSchema.fromJson() reads what toJson() wrote", () => {
  const schema = people().withoutField("name").withField("nick", { type: "float", default: -0 }, {
    empty: false,
  });
  const again = stored(schema);
  assertEquals(again.toJson(), schema.toJson());
  assertEquals(again.fieldSpecs(), schema.fieldSpecs());
  assertEquals(
    again.fields.map(({ name, number }) => [name, number]),
    schema.fields.map(({ name, number }) => [name, number]),
  );
  assertStrictEquals(again.nextNumber, 11);
  assert(Object.is(again.field("nick").fill, -0));
});

Deno.test("TableSchema.fromJson() refuses everything else", () => {
  const field = { name: "a", number: 0, type: "integer" };
  const wrong: unknown[] = [
    null,
    5,
    [],
    {},
    { fields: {}, nextNumber: 1 },
    { fields: [], nextNumber: 0 },
    { fields: [field] },
    { fields: [field], nextNumber: 0 },
    { fields: [field], nextNumber: 1.5 },
    { fields: [field], nextNumber: 2 ** 52 },
    { fields: [field], nextNumber: 1, more: 1 },
    { fields: [field, field], nextNumber: 1 },
    { fields: [field, { ...field, name: "b" }], nextNumber: 2 },
    { fields: [field, { ...field, number: 1 }], nextNumber: 2 },
    { fields: [{ ...field, number: -1 }], nextNumber: 1 },
    { fields: [{ ...field, number: 2 ** 52 }], nextNumber: 1 },
    { fields: [{ ...field, name: "_a" }], nextNumber: 1 },
    { fields: [{ ...field, name: 5 }], nextNumber: 1 },
    { fields: [{ ...field, type: "toString" }], nextNumber: 1 },
    { fields: [{ ...field, type: { json: true } }], nextNumber: 1 },
    { fields: [{ ...field, required: 1 }], nextNumber: 1 },
    { fields: [{ ...field, default: "x" }], nextNumber: 1 },
    { fields: [{ ...field, default: null }], nextNumber: 1 },
    { fields: [{ ...field, type: "json", default: null }], nextNumber: 1 },
    { fields: [{ ...field, fill: 0.5 }], nextNumber: 1 },
    { fields: [{ ...field, index: 1 }], nextNumber: 1 },
    { fields: [{ ...field, type: "link" }], nextNumber: 1 },
    { fields: [{ ...field, target: "../x" }], nextNumber: 1 },
    { fields: [null], nextNumber: 1 },
  ];
  for (const json of wrong) {
    assertThrows(
      () => TableSchema.fromJson(json),
      SyntaxError,
      "not a schema: ",
      JSON.stringify(json),
    );
  }
});
