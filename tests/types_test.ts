/**
 * What the compiler must accept and refuse. Nothing here runs: a wrong use that
 * begins to compile is an unused `@ts-expect-error`, and the file fails to.
 *
 * @module
 */
import { type AnyBase, Base, json, PsBase, PsLock } from "@psbase/psbase";
import type {
  FieldSpec,
  InsertOf,
  JsonValue,
  RowOf,
  Schema,
  UpdateOf,
  WhereOf,
} from "@psbase/psbase";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** Compiles only if the types are the same, written the same way or not. */
function same<A, B>(_: Same<A, B>): void {}

/** A function to be checked and never called. */
function compiles(name: string, _fn: () => void | Promise<void>): void {
  Deno.test(`types: ${name}`, () => {});
}

const PEOPLE = {
  name: "string",
  age: "integer",
  size: { type: "integer", default: 300 },
  team: { type: "string", required: true },
  rank: { type: "string", required: true, default: "new" },
  birth: "date",
  start: "time",
  met: "datetime",
  seen: "timestamp",
  photo: "bytes",
  data: "json",
  big: "bigint",
  weight: "float",
  ok: "boolean",
  prefs: json<{ theme: "dark" | "light" }>(),
} as const;
const HOUSES = { address: { type: "string", required: true }, rooms: "integer" } as const;

declare const people: PsBase<typeof PEOPLE>;
declare const houses: PsBase<typeof HOUSES>;
type Person = RowOf<typeof people>;
declare const p: Person;
declare const h: RowOf<typeof houses>;

compiles("a literal schema needs no `as const`", async () => {
  const base = await PsBase.create("people", {
    name: "string",
    age: { type: "integer", default: 3 },
    team: { type: "string", required: true },
    at: { type: "timestamp", default: new Date() },
    seen: { type: "timestamp", default: Temporal.Now.instant() },
    tags: { type: json<string[]>(), default: [] },
  }, { mode: "open", durability: "relaxed", timeoutMs: 500 });
  same<RowOf<typeof base>["team"], string>(true);
  same<RowOf<typeof base>["age"], number | null>(true);
  same<RowOf<typeof base>["tags"], string[] | null>(true);
  await base.insert({ team: "a" });
});

compiles("rows have the values of their fields, null unless required", () => {
  same<Person["name"], string | null>(true);
  same<Person["age"], number | null>(true);
  same<Person["team"], string>(true);
  same<Person["rank"], string>(true);
  same<Person["birth"], Temporal.PlainDate | null>(true);
  same<Person["start"], Temporal.PlainTime | null>(true);
  same<Person["met"], Temporal.PlainDateTime | null>(true);
  same<Person["seen"], Date | null>(true);
  same<Person["photo"], Uint8Array | null>(true);
  same<Person["data"], JsonValue>(true);
  same<Person["big"], bigint | null>(true);
  same<Person["weight"], number | null>(true);
  same<Person["ok"], boolean | null>(true);
  same<Person["__id__"], number>(true);
  same<Person["__version__"], number>(true);
  same<Person["prefs"], { theme: "dark" | "light" } | null>(true);
});

compiles("wrong schemas are refused", async () => {
  // @ts-expect-error unknown type
  await PsBase.create("x", { a: "text" });
  // @ts-expect-error default of the wrong type
  await PsBase.create("x", { a: { type: "integer", default: "3" } });
  // @ts-expect-error reserved name
  await PsBase.create("x", { _a: "string" });
  // @ts-expect-error misspelt mode
  await PsBase.create("x", { a: "string" }, { mode: "append" });
  // @ts-expect-error a default is a constant, not a function
  await PsBase.create("x", { a: { type: "timestamp", default: () => new Date() } });
  // @ts-expect-error bases are made by create and open
  new PsBase("people");
});

compiles("insert takes what its fields take", async () => {
  const id: number = await people.insert({ team: "a" });
  people.insertSync({
    team: "a",
    name: "homer",
    age: 39,
    birth: Temporal.PlainDate.from("1956-05-12"),
    seen: Temporal.Now.instant(),
    size: undefined,
    weight: null,
    prefs: { theme: "dark" },
    data: [1, { a: null }],
  });
  const ids: number[] = await people.insertMany([{ team: "a" }, { team: "b", age: id }]);
  const row: InsertOf<typeof people> = { team: ids.join() };
  await people.insert(row);
});

compiles("insert refuses what does not fit", async () => {
  // @ts-expect-error a required field is missing
  await people.insert({ name: "homer" });
  // @ts-expect-error misspelt field
  await people.insert({ team: "a", nmae: "homer" });
  // @ts-expect-error wrong type
  await people.insert({ team: "a", age: "39" });
  // @ts-expect-error null in a required field
  await people.insert({ team: null });
  // @ts-expect-error null in a required field with a default
  await people.insert({ team: "a", rank: null });
  // @ts-expect-error text is no date
  await people.insert({ team: "a", birth: "2000-01-01" });
  // @ts-expect-error a number is no bigint
  await people.insert({ team: "a", big: 3 });
  // @ts-expect-error ids are given
  await people.insert({ team: "a", __id__: 3 });
  // @ts-expect-error wrong shape of json
  await people.insert({ team: "a", prefs: { theme: "blue" } });
  // @ts-expect-error json has no functions
  await people.insert({ team: "a", data: { f: () => 1 } });
  // @ts-expect-error one row is not many
  await people.insertMany({ team: "a" });
  const row: InsertOf<typeof people> = { team: "a" };
  // @ts-expect-error read-only
  row.team = "b";
});

compiles("select takes values, ranges, operators and functions", () => {
  people.select();
  people.select({ name: "homer", age: [30, 40], ok: true, weight: null, __id__: [0, 10] });
  people.select({ name: /^ho/, age: { gte: 18, ne: 21 }, team: { in: ["a", "b"] } });
  people.select({ name: { contains: "me" }, rank: { between: ["a", "m"] } });
  people.select({ birth: { lt: Temporal.Now.plainDateISO() }, size: { notIn: [1, null] } });
  people.select({ data: { eq: { a: 1 } }, photo: new Uint8Array(2), prefs: null });
  people.select((row) => row.age !== null && row.age > 20);
  people.select((row) => row.birth !== null && row.birth.year < 2000);
  const where: WhereOf<typeof people> = { age: 1 };
  const count: number = people.count(where) + people.count((row) => row.ok === true);
  people.select({}, { orderBy: "-age", limit: count });

  const some = people.select({ team: "a" }, {
    fields: ["name", "age"],
    orderBy: ["team", "-age", "__id__"],
    limit: 10,
    offset: 5,
  });
  same<keyof typeof some[number], "name" | "age" | "__id__" | "__version__" | "__schema__">(true);
  same<typeof some[number]["name"], string | null>(true);
  const names: (string | null)[] = some.map((row) => row.name);
  const all: Person[] = people.select({ team: names[0] ?? "a" });
  people.select({ team: all[0]!.team });
});

compiles("select refuses conditions that cannot be meant", () => {
  // @ts-expect-error unknown field
  people.select({ nmae: "homer" });
  // @ts-expect-error undefined
  people.select({ name: undefined });
  // @ts-expect-error wrong type
  people.select({ age: "39" });
  // @ts-expect-error three values are no range
  people.select({ age: [1, 2, 3] });
  // @ts-expect-error no range of text: it could mean "one of"
  people.select({ name: ["a", "b"] });
  // @ts-expect-error no range of booleans
  people.select({ ok: [true, false] });
  // @ts-expect-error json needs eq: an object could be operators
  people.select({ prefs: { theme: "dark" } });
  // @ts-expect-error json has no order
  people.select({ data: { gt: 1 } });
  // @ts-expect-error no such operator
  people.select({ age: { greater: 3 } });
  // @ts-expect-error no pattern on numbers
  people.select({ age: /3/ });
  // @ts-expect-error contains is for text
  people.select({ age: { contains: 3 } });
  // @ts-expect-error null bound
  people.select({ age: { gt: null } });
  // @ts-expect-error null bound
  people.select({ age: [null, 3] });
  // @ts-expect-error SQL
  people.select("age > 31");
  // @ts-expect-error options in the place of conditions
  people.select({ limit: 10 });
  // @ts-expect-error a predicate gives a boolean
  people.select((row) => row.name);
  // @ts-expect-error age may be null
  people.select((row) => row.age > 3);
  // @ts-expect-error a promise is no boolean
  people.select(async (row) => await row.age === 3);
  // @ts-expect-error Temporal values do not compare with <
  people.select((row) => row.birth !== null && row.birth < "2000");
});

compiles("text is no condition where a field is named like a method of String", () => {
  // deno-lint-ignore no-explicit-any
  const base: PsBase<{ readonly big: "bigint"; readonly at: "datetime" }> = null as any;
  base.select({ big: 1n });
  // @ts-expect-error SQL
  base.select("big > 31");
});

compiles("select refuses wrong options", () => {
  // @ts-expect-error unknown field
  people.select({}, { fields: ["nmae"] });
  // @ts-expect-error not selected
  people.select({}, { fields: ["name"] })[0]!.age;
  // @ts-expect-error it may not be there
  people.select()[0].age;
  // @ts-expect-error unknown field
  people.select({}, { orderBy: "-agee" });
  // @ts-expect-error json has no order
  people.select({}, { orderBy: "data" });
  // @ts-expect-error SQL
  people.select({}, { orderBy: { age: "desc" } });
});

compiles("update gives a row for a row, rows for rows", async () => {
  const row: Person = await people.update(p, { age: 40 });
  const again: Person = await people.update(1, (r) => ({ age: (r.age ?? 0) + 1 }));
  const rows: Person[] = await people.update([row, again], { team: "b", name: undefined });
  await people.update(people.select({}, { fields: ["name"] })[0]!, {
    seen: Temporal.Now.instant(),
  });
  const changes: UpdateOf<typeof people> = { age: rows.length };
  await people.update(3, changes);
});

compiles("update refuses wrong rows and changes", async () => {
  // @ts-expect-error misspelt
  await people.update(p, { nmae: "x" });
  // @ts-expect-error misspelt in a function
  await people.update(1, () => ({ age: 3, nmae: "x" }));
  // @ts-expect-error age may be null
  await people.update(1, (row) => ({ age: row.age + 1 }));
  // @ts-expect-error wrong type in a function
  await people.update(1, () => ({ age: "3" }));
  // @ts-expect-error a promise of changes
  await people.update(1, async (row) => ({ age: await row.age }));
  // @ts-expect-error null in a required field
  await people.update(1, { team: null });
  // @ts-expect-error a row of another table
  await people.update(h, { age: 3 });
  // @ts-expect-error a condition is no row
  await people.update({ name: "homer" }, { age: 3 });
  // @ts-expect-error one row for one
  (await people.update(p, { age: 3 })).length;
  // @ts-expect-error rows are read-only
  p.age = 3;
});

compiles("delete takes rows and ids, of this table", async () => {
  const count: number = await people.delete(p) + await people.delete([1, 2]);
  await people.delete(people.select({ age: count }));
  // @ts-expect-error a condition is no row
  await people.delete({ name: "homer" });
  // @ts-expect-error a row of another table
  await people.delete(h);
});

compiles("schema verbs give the handle another type", async () => {
  const added = await people.addField("nick", { type: "string", default: "" }, { after: "name" });
  const nick: string | null | undefined = added.get(0)?.nick;
  const dropped = await added.dropField("size");
  const team: string | undefined = dropped.get(0)?.team;
  const defaulted = await dropped.setDefault("team", nick ?? team ?? "a");
  await defaulted.insert({ nick: "x" });
  same<RowOf<typeof defaulted>["team"], string>(true);
  same<RowOf<typeof defaulted>["prefs"], { theme: "dark" | "light" } | null>(true);
  const seen = await people.setDefault("seen", Temporal.Now.instant());
  same<RowOf<typeof seen>["seen"], Date | null>(true);
  const required = await people.addField("code", { type: "string", required: true, default: "x" });
  await required.insert({ team: "a" });

  // @ts-expect-error taken
  await people.addField("age", "integer");
  // @ts-expect-error reserved
  await people.addField("_age", "integer");
  // @ts-expect-error unknown neighbour
  await people.addField("x", "integer", { after: "agee" });
  // @ts-expect-error unknown
  await people.dropField("agee");
  // @ts-expect-error dropped
  await dropped.insert({ team: "a", size: 3 });
  // @ts-expect-error wrong default
  await people.setDefault("age", "3");
  // @ts-expect-error required
  await people.setDefault("team", null);
});

compiles("open takes a schema for types, and is loose without", async () => {
  const typed = await PsBase.open("houses", {
    schema: { address: { type: "string", required: true }, rooms: "integer" },
    readOnly: true,
  });
  const address: string = typed.get(0)!.address;
  const loose = await PsBase.open("people");
  loose.select({ anything: address }, { fields: ["a"], orderBy: "-a" });
  await loose.insert({ x: 1 });
  const id: number | undefined = loose.get(0)?.__id__;
  const value = loose.get(id ?? 0)?.["anything"];
  same<typeof value, RowOf<Base>[string] | undefined>(true);
  using one = Base.openSync("x");
  const any: Base = one;
  const spec: FieldSpec | undefined = any.schema["x"];
  people.defaults.size satisfies number | null;
  void spec;
});

compiles("handles are disposable, promises of them are not", async () => {
  await using shared = await PsBase.open("people");
  using own = Base.openSync("people");
  using lock = new PsLock("x");
  using guard = await lock.acquire();
  // @ts-expect-error a promise
  using wrong = PsBase.open("people");
  // @ts-expect-error a promise
  using wrongGuard = lock.acquire();
  void [shared, own, guard, wrong, wrongGuard];
});

compiles("generic code takes bases of any schema", () => {
  const rows = (base: AnyBase): number => base.size;
  const first = <S extends Schema>(base: Base<S>) => base.get(0);
  const of = <B extends AnyBase>(base: B) => base.path;
  const team: string | undefined = first(people)?.team;
  const bases = new Map<string, AnyBase>([["people", people], ["houses", houses]]);
  const owned: Base<typeof HOUSES> = houses;
  void [rows(people), of(houses), team, bases, owned];
});
