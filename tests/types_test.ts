/**
 * What the compiler must accept and refuse. Nothing here runs: a wrong use that
 * begins to compile is an unused `@ts-expect-error`, and the file fails to.
 *
 * @module
 */
import { type AnyBase, Base, field, json, link, PsBase, PsLock, View } from "@psbase/psbase";
import type {
  Explanation,
  FieldName,
  FieldSpec,
  InsertOf,
  JsonValue,
  NumericName,
  ResultSet,
  RowOf,
  Schema,
  SortableName,
  Stats,
  UpdateOf,
  WhereOf,
} from "@psbase/psbase";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** Compiles only if the types are the same, written the same way or not. */
function same<A, B>(_: Same<A, B>): void {}

/** An interface, which has no index signature. */
interface Shape {
  sides: number;
}

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
type House = RowOf<typeof houses>;
declare const h: House;

/** What links, and what is unique. */
const createStaff = () =>
  PsBase.create("staff", {
    email: { type: "string", unique: true },
    nick: { type: "string", unique: true },
    badge: { type: "integer", unique: true, required: true },
    team: { type: "string", index: true, required: true },
    rank: { type: "string", required: true, default: "new" },
    age: "integer",
    pay: "float",
    home: link(houses),
    boss: { type: link("self"), required: true },
    deputy: { type: link("self"), index: true },
  });
declare const staff: Awaited<ReturnType<typeof createStaff>>;
type Worker = RowOf<typeof staff>;
declare const w: Worker;

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
  // @ts-expect-error `unique` is true or false
  await PsBase.create("x", { a: { type: "string", unique: "yes" } });
  // @ts-expect-error json has no order, so it has no index
  await PsBase.create("x", { a: { type: "json", index: true } });
  // @ts-expect-error nor is it unique
  await PsBase.create("x", { a: { type: json<string[]>(), unique: true } });
  // @ts-expect-error a link has no default
  await PsBase.create("x", { a: { type: link(houses), default: 3 } });
  // @ts-expect-error a link leads to a table or to "self"
  await PsBase.create("x", { a: link("houses") });
  // @ts-expect-error "link" is no type, it needs to know where to
  await PsBase.create("x", { a: "link" });
  // @ts-expect-error tables are made by create and open
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
  const kept: Person = await people.update(3, changes, { ifVersion: row.__version__ });
  people.updateSync(kept.__id__, (row) => ({ age: row.size }), { ifVersion: undefined });
  await people.transaction((tx) => tx.update(3, changes, { ifVersion: 2 }).age);
  await people.update(p, changes, {});
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
  // @ts-expect-error a row carries its version
  await people.update(p, { age: 3 }, { ifVersion: 2 });
  // @ts-expect-error one version is not that of many
  await people.update([1, 2], { age: 3 }, { ifVersion: 2 });
  // @ts-expect-error misspelt
  await people.update(1, { age: 3 }, { ifversion: 2 });
  // @ts-expect-error a version is a number
  people.updateSync(1, { age: 3 }, { ifVersion: "2" });
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

compiles("schema verbs give a handle of the same class", async () => {
  const shared = PsBase.openSync("two", { a: "string", b: "integer" });
  const owned = Base.openSync("two", { a: "string", b: "integer" });
  type Less = { readonly a: "string" };
  same<ReturnType<typeof shared.dropFieldSync<"b">>, PsBase<Less>>(true);
  same<ReturnType<typeof owned.dropFieldSync<"b">>, Base<Less>>(true);
  same<ReturnType<typeof owned.dropFieldSync<"b">>, PsBase<Less>>(false);
  same<Awaited<ReturnType<typeof shared.dropField<"b">>>, PsBase<Less>>(true);
  same<Awaited<ReturnType<typeof owned.dropField<"b">>>, Base<Less>>(true);

  const added = await shared.addField("c", "date");
  const renamed = await added.renameField("a", "d");
  const typed = await renamed.setType("b", "float");
  const standard = typed.setDefaultSync("b", 1);
  const indexed = standard.setIndexSync("d", { unique: true });
  type End = {
    readonly b: { readonly type: "float"; readonly default: null };
    readonly d: { readonly type: "string"; readonly unique: true };
    readonly c: "date";
  };
  indexed satisfies PsBase<End>;
  await indexed.upsert({ d: "x" }, { c: null });
});

compiles("open takes a schema, options, or both", async () => {
  const made = await PsBase.open("people", {
    name: "string",
    age: { type: "integer", default: 3 },
    team: { type: "string", required: true },
    tags: { type: json<string[]>(), default: [] },
    boss: link("self"),
  });
  same<RowOf<typeof made>["team"], string>(true);
  same<RowOf<typeof made>["tags"], string[] | null>(true);
  await made.insert({ team: "a" });
  // @ts-expect-error misspelt
  await made.insert({ team: "a", nmae: "homer" });
  const typed = Base.openSync("people", PEOPLE, { readOnly: true });
  same<typeof typed, Base<typeof PEOPLE>>(true);
  const namesakes = await Base.open("x", { timeoutMs: "integer", readOnly: "boolean" });
  same<RowOf<typeof namesakes>["readOnly"], boolean | null>(true);
  const options = { timeoutMs: 5, readOnly: true };
  const loose = await PsBase.open("people", options);
  same<typeof loose, PsBase>(true);
  const any = PsBase.openSync("people", null! as Schema);
  same<typeof any, PsBase>(true);
  const generic = <const S extends Schema>(schema: S) => Base.openSync<S>("x", { schema });
  same<RowOf<ReturnType<typeof generic<typeof HOUSES>>>["rooms"], number | null>(true);
  const Either = Math.random() < 0.5 ? Base : PsBase;
  const either = await Either.open("people", PEOPLE);
  same<RowOf<typeof either>["age"], number | null>(true);

  // @ts-expect-error unknown type
  await PsBase.open("x", { a: "text" });
  // @ts-expect-error default of the wrong type
  await PsBase.open("x", { a: { type: "integer", default: "3" } });
  // @ts-expect-error reserved name
  PsBase.openSync("x", { _a: "string" });
  // @ts-expect-error misspelt option
  await PsBase.open("x", { readOnli: true });
  // @ts-expect-error misspelt option, after a schema
  await PsBase.open("x", { a: "string" }, { readOnli: true });
  // @ts-expect-error two schemas
  await Base.open("x", { a: "string" }, { schema: { a: "string" } });
  // @ts-expect-error open has one mode
  await PsBase.open("x", { a: "string" }, { mode: "new" });
});

compiles("links are rows of the other table, or null", async () => {
  same<Worker["home"], House | null>(true);
  const address: string | undefined = w.home?.address;
  const rooms: number | null | undefined = w.boss?.deputy?.boss?.home?.rooms;
  const boss: Worker | null = w.boss;
  const id: number | undefined = w.deputy?.__id__;
  await staff.insert({ badge: 1, team: "a", boss: 0 });
  await staff.insert({ badge: 1, team: "a", boss: w, home: h, deputy: id ?? null });
  await staff.insert({ badge: 1, team: "a", boss: 0, home: houses.get(0) ?? null });
  await staff.update(w, { home: 3, deputy: null, boss: boss ?? 0 });
  await staff.update([w], (row) => ({ home: row.boss?.home ?? null, deputy: row.boss }));
  staff.select({ home: 3, boss: w, deputy: null });
  staff.select({ home: h, deputy: { in: [w, 3, null] }, boss: { ne: 0, not: { eq: w } } });
  staff.select({ home: houses.select({}, { fields: ["rooms"] })[0]! });
  staff.select({ boss: { eq: field("deputy"), not: field("boss") }, home: field("home") });
  staff.select((row) => row.home !== null && row.home.rooms === rooms);
  staff.select({}, { fields: ["home"], orderBy: ["-home", "boss"] })[0]?.home?.rooms;
  void address;
});

compiles("links refuse other rows", async () => {
  // @ts-expect-error the row may be gone
  w.home.address;
  // @ts-expect-error even if required
  w.boss.team;
  // @ts-expect-error required: not null
  await staff.insert({ badge: 1, team: "a", boss: null });
  // @ts-expect-error required: not left out
  await staff.insert({ badge: 1, team: "a" });
  // @ts-expect-error a worker is no house
  await staff.insert({ badge: 1, team: "a", boss: 0, home: w });
  // @ts-expect-error a house is no worker
  await staff.insert({ badge: 1, team: "a", boss: h });
  // @ts-expect-error values are no row
  await staff.insert({ badge: 1, team: "a", boss: 0, home: { address: "a", rooms: 3 } });
  // @ts-expect-error text is no id
  await staff.update(w, { home: "3" });
  // @ts-expect-error required: not null
  await staff.update(w, { boss: null });
  // @ts-expect-error a house is no worker, in a function
  await staff.update(w, () => ({ boss: h }));
  // @ts-expect-error a worker is no house
  staff.select({ home: w });
  // @ts-expect-error a worker is no house, among values
  staff.select({ home: { in: [w] } });
  // @ts-expect-error conditions of the other table
  staff.select({ home: { address: "a" } });
  // @ts-expect-error ids have no meaning in an order
  staff.select({ home: { gt: 3 } });
  // @ts-expect-error a pair is no range of links
  staff.select({ home: [1, 3] });
  // @ts-expect-error a field that leads elsewhere
  staff.select({ boss: field("home") });
  // @ts-expect-error a number
  staff.select({ boss: { ne: field("age") } });
  // @ts-expect-error the rows of another table are no rows of this one
  await staff.delete(w.home ?? h);
});

compiles("tables lead to each other", async () => {
  const owned = await houses.addField("owner", link(staff));
  const nick: string | null | undefined = owned.get(0)?.owner?.nick;
  const rooms: number | null | undefined = owned.get(0)?.owner?.home?.rooms;
  await owned.insert({ address: "a", owner: w });
  await owned.update(0, { owner: 3, rooms: nick === rooms ? 1 : 2 });
  owned.select({ owner: w, rooms: 3 });
  const nested = await owned.addField("next", { type: link("self"), required: true });
  const owner: Worker | null | undefined = nested.get(0)?.next?.next?.owner;
  // @ts-expect-error the rows of another table
  await owned.insert({ address: "a", owner: h });
  // @ts-expect-error what it was before has no owner
  houses.get(0)?.owner;
  void owner;
});

compiles("conditions can be turned round, joined by or, and compare fields", () => {
  people.select({ age: { not: 3 }, name: { not: /^h/ }, ok: { not: { eq: true } } });
  people.select({ age: { not: [3, 5] }, weight: { not: { gt: 3, lte: 5 } }, data: { not: null } });
  people.select({ age: { or: [3, null, [5, 7], { gt: 10, not: { in: [11, 13] } }] } });
  people.select({ name: { contains: "o", or: ["homer", /^b/, { startsWith: "m" }] } });
  people.select({ ok: { or: [true, null] }, photo: { or: [new Uint8Array(1), { eq: null }] } });
  people.select({ data: { or: [{ eq: 1 }, null] }, prefs: { not: { eq: { theme: "dark" } } } });
  people.select({ __id__: { not: [3, 5], or: [1, { gt: 8 }] }, __version__: { gt: 0 } });
  people.select({ _or: [{ age: 3 }, { name: "lisa", ok: true }, {}], team: "a" });
  people.select({ _or: [(row) => row.age === 3, { _not: { name: "lisa" } }] });
  people.select({ _and: [{ age: 3 }, (row) => row.ok === true, { _or: [{ _and: [] }] }] });
  people.select({ _not: { _or: [{ age: 3 }, { _not: (row) => row.ok === true }] } });
  people.count({ _not: (row) => row.age !== null && row.age > 3 });
  people.select({ age: field("size"), size: { gt: field("weight"), ne: field("size") } });
  people.select({ weight: { lte: field("age") }, name: { eq: field("team"), gt: field("rank") } });
  people.select({ big: { lt: field("big") }, birth: { ne: field("birth") }, ok: field("ok") });
  people.select({ age: { not: field("size"), or: [field("weight"), { gt: field("size") }] } });
  people.select({ photo: { eq: field("photo") }, name: field("team"), start: field("start") });
});

compiles("select refuses wrong not, or, and field", () => {
  // @ts-expect-error wrong type in not
  people.select({ age: { not: "3" } });
  // @ts-expect-error no such operator in not
  people.select({ age: { not: { greater: 3 } } });
  // @ts-expect-error no range of text, in not either
  people.select({ name: { not: ["a", "b"] } });
  // @ts-expect-error one condition is no list of them
  people.select({ age: { or: 3 } });
  // @ts-expect-error wrong type in or
  people.select({ age: { or: [3, "3"] } });
  // @ts-expect-error undefined in or
  people.select({ age: { or: [3, undefined] } });
  // @ts-expect-error one condition is no list of them
  people.select({ _or: { age: 3 } });
  // @ts-expect-error misspelt in _or
  people.select({ _or: [{ agee: 3 }] });
  // @ts-expect-error misspelt in _not
  people.select({ _not: { agee: 3 } });
  // @ts-expect-error _not is one condition
  people.select({ _not: [{ age: 3 }] });
  // @ts-expect-error no boolean in _or
  people.select({ _or: [(row) => row.age] });
  // @ts-expect-error no boolean in _not
  people.select({ _not: (row) => row.age });
  // @ts-expect-error one condition is no list of them
  people.select({ _and: { age: 3 } });
  // @ts-expect-error misspelt in _and
  people.select({ _and: [{ agee: 3 }] });
  // @ts-expect-error no boolean in _and
  people.select({ _and: [(row) => row.age] });
  // @ts-expect-error no such word
  people.select({ _nor: [{ age: 3 }] });
  // @ts-expect-error an object of json needs an operator in not, too
  people.select({ prefs: { not: { theme: "dark" } } });
  // @ts-expect-error unknown field
  people.select({ age: field("agee") });
  // @ts-expect-error text is not compared with numbers
  people.select({ age: { gt: field("name") } });
  // @ts-expect-error a bigint is not compared with numbers
  people.select({ age: { gt: field("big") } });
  // @ts-expect-error a date is not compared with an instant
  people.select({ birth: { gt: field("seen") } });
  // @ts-expect-error json is compared with values only
  people.select({ data: { eq: field("data") } });
  // @ts-expect-error a field among values
  people.select({ age: { in: [field("size")] } });
  // @ts-expect-error a field as a bound
  people.select({ age: { between: [field("size"), 3] } });
  // @ts-expect-error a field as a bound
  people.select({ age: [field("size"), 3] });
  // @ts-expect-error a field as a part
  people.select({ name: { contains: field("team") } });
  // @ts-expect-error booleans have no order
  people.select({ ok: { gt: field("ok") } });
  // @ts-expect-error `__id__` is compared with values only
  people.select({ __id__: field("age") });
  // @ts-expect-error `__id__` is no field to compare with
  people.select({ age: field("__id__") });
  // @ts-expect-error a name alone is a value
  people.select({ age: { gt: "size" } });
});

compiles("aggregates give what their fields hold", () => {
  same<ReturnType<typeof people.count>, number>(true);
  const sums = [people.sum("age"), people.sum("weight", { ok: true })];
  same<typeof sums, number[]>(true);
  const big = people.sum("big", (row) => row.ok === true);
  same<typeof big, bigint>(true);
  const mean = people.avg("big", { age: { gt: 3 } });
  same<typeof mean, number | null>(true);
  const first = people.min("birth");
  same<typeof first, Temporal.PlainDate | null>(true);
  const last = people.max("team", { _not: { age: null } });
  same<typeof last, string | null>(true);
  const house = staff.max("home");
  same<typeof house, House | null>(true);
  const teams = people.distinct("team");
  same<typeof teams, string[]>(true);
  const names = people.distinct("name", { age: [3, 5] });
  same<typeof names, (string | null)[]>(true);
  const bosses = staff.distinct("boss");
  same<typeof bosses, (Worker | null)[]>(true);
  const { method, index, fallback }: Explanation = people.explain({ age: { gt: 3 } });
  same<typeof fallback, Explanation | null>(true);
  void [method, index, people.explain((row) => row.ok === true), people.explain()];
});

compiles("groups have their key and their figures", () => {
  const groups = people.groupBy("team", {
    n: "count",
    mean: ["avg", "age"],
    first: ["min", "birth"],
    last: ["max", "name"],
    total: ["sum", "big"],
    size: ["sum", "size"],
  }, { age: { gt: 3 } });
  type Group = typeof groups[number];
  same<keyof Group, "team" | "n" | "mean" | "first" | "last" | "total" | "size">(true);
  same<Group["team"], string>(true);
  same<Group["n"], number>(true);
  same<Group["mean"], number | null>(true);
  same<Group["first"], Temporal.PlainDate | null>(true);
  same<Group["last"], string | null>(true);
  same<Group["total"], bigint>(true);
  same<Group["size"], number>(true);
  const byAge = people.groupBy("age", {}, (row) => row.ok === true);
  same<typeof byAge[number]["age"], number | null>(true);
  const byHome = staff.groupBy("home", { pay: ["sum", "pay"] });
  same<typeof byHome[number]["home"], House | null>(true);
});

compiles("aggregates refuse fields without numbers or an order", () => {
  // @ts-expect-error text has no sum
  people.sum("name");
  // @ts-expect-error days have no mean
  people.avg("birth");
  // @ts-expect-error json has no order
  people.min("data");
  // @ts-expect-error json of a shape has none either
  people.max("prefs");
  // @ts-expect-error json is not told apart
  people.distinct("data");
  // @ts-expect-error unknown field
  people.max("agee");
  // @ts-expect-error unknown field in a condition
  people.sum("age", { agee: 3 });
  // @ts-expect-error links have no sum
  staff.sum("home");
  // @ts-expect-error unknown field to group by
  people.groupBy("teem", { n: "count" });
  // @ts-expect-error json is no key
  people.groupBy("data", { n: "count" });
  // @ts-expect-error text has no mean
  people.groupBy("team", { x: ["avg", "name"] });
  // @ts-expect-error no such aggregate
  people.groupBy("team", { x: ["median", "age"] });
  // @ts-expect-error a sum of what
  people.groupBy("team", { x: "sum" });
  // @ts-expect-error json has no order
  people.groupBy("team", { x: ["max", "data"] });
  // @ts-expect-error unknown field
  people.groupBy("team", { x: ["max", "agee"] });
  // @ts-expect-error the name of the key is taken
  people.groupBy("team", { team: "count" });
  // @ts-expect-error names that begin with _ are reserved
  people.groupBy("team", { _n: "count" });
  // @ts-expect-error no such figure
  people.groupBy("team", { n: "count" })[0]!.m;
  // @ts-expect-error misspelt in a condition
  people.explain({ agee: 3 });
});

compiles("snapshots read, at once", () => {
  const n = people.snapshot((view) => view.count({ age: 3 }) + view.size);
  same<typeof n, number>(true);
  const row: Person | undefined = people.snapshot((view) => view.select({ age: 3 }).first);
  const both: [number, string[]] = people.snapshot((view) => [view.size, view.distinct("team")]);
  const none = people.snapshot((view) => {
    for (const row of view) row.team.at(0);
  });
  same<typeof none, void>(true);
  const nested: number = people.snapshot((view) => view.snapshot((inner) => inner.size));
  // @ts-expect-error it cannot wait
  people.snapshot(async (view) => await view.count());
  // @ts-expect-error nor give a promise
  people.snapshot(() => people.commit());
  // @ts-expect-error no writing
  people.snapshot((view) => view.insert({ team: "a" }));
  // @ts-expect-error no deleting
  people.snapshot((view) => view.deleteSync(3));
  // @ts-expect-error no schema verbs
  people.snapshot((view) => view.dropFieldSync("age"));
  // @ts-expect-error the conditions of another table
  people.snapshot((view) => view.count({ rooms: 3 }));
  // @ts-expect-error views are made by snapshot
  new View<typeof HOUSES>();
  void [row, both, nested];
});

compiles("result sets are arrays that sort by their fields", () => {
  const rows: ResultSet<Person> = people.select();
  const sorted: ResultSet<Person> = rows.sortBy("+name", "-age", "team", "__id__", "-__version__");
  const first = sorted.first;
  same<typeof first, Person | undefined>(true);
  const some = people.select({}, { fields: ["name", "prefs", "age"] }).sortBy("-age", "+name");
  same<NonNullable<typeof some.first>["name"], string | null>(true);
  some.pp();
  some.sortBy("age").pp(120);
  const texts = rows.map((row) => row.name ?? "");
  same<typeof texts, string[]>(true);
  const adults: Person[] = rows.filter((row) => row.age !== null && row.age > 17);
  const named = rows.filter((row): row is Person & { name: string } => row.name !== null);
  same<typeof named[number]["name"], string>(true);
  staff.select().sortBy("home", "-boss");
  // @ts-expect-error no term
  rows.sortBy();
  // @ts-expect-error misspelt
  rows.sortBy("-agee");
  // @ts-expect-error two terms in one
  rows.sortBy("+name -age");
  // @ts-expect-error terms are arguments
  rows.sortBy(["name", "age"]);
  // @ts-expect-error json has no order
  rows.sortBy("data");
  // @ts-expect-error json of a shape has none either
  some.sortBy("prefs");
  // @ts-expect-error not selected
  some.sortBy("team");
  // @ts-expect-error there may be none
  rows.first.name;
  // @ts-expect-error map gives a plain array
  rows.map((row) => row).sortBy("age");
  // @ts-expect-error filter gives a plain array
  adults.pp();
});

compiles("upsert has one unique field that says which row", async () => {
  const row = await staff.upsert({ email: "h@x" }, { badge: 1, team: "a", boss: 0, nick: null });
  same<typeof row, Worker>(true);
  staff.upsertSync({ badge: 3 }, { team: "a", boss: row, home: h, age: undefined });
  // @ts-expect-error not unique
  await staff.upsert({ age: 3 }, { badge: 1, team: "a", boss: 0 });
  // @ts-expect-error two unique fields
  await staff.upsert({ email: "x", nick: "y" }, { badge: 1, team: "a", boss: 0 });
  // @ts-expect-error a unique field and another one
  await staff.upsert({ email: "x", age: 3 }, { badge: 1, team: "a", boss: 0 });
  // @ts-expect-error none
  await staff.upsert({}, { badge: 1, team: "a", boss: 0 });
  // @ts-expect-error null may repeat
  await staff.upsert({ email: null }, { badge: 1, team: "a", boss: 0 });
  // @ts-expect-error undefined
  await staff.upsert({ email: undefined }, { badge: 1, team: "a", boss: 0 });
  // @ts-expect-error wrong type
  await staff.upsert({ email: 3 }, { badge: 1, team: "a", boss: 0 });
  // @ts-expect-error a condition is no value
  await staff.upsert({ badge: { gt: 3 } }, { team: "a", boss: 0 });
  // @ts-expect-error a required field is missing
  await staff.upsert({ email: "x" }, { badge: 1, team: "a" });
  // @ts-expect-error misspelt
  await staff.upsert({ badge: 3 }, { teem: "a", team: "a", boss: 0 });
  // @ts-expect-error the key once more
  await staff.upsert({ badge: 3 }, { badge: 3, team: "a", boss: 0 });
  // @ts-expect-error no function
  await staff.upsert({ badge: 3 }, () => ({ team: "a", boss: 0 }));
  // @ts-expect-error a table without unique fields
  await houses.upsert({ address: "a" }, {});
});

compiles("insertAsStrings takes texts, null and nothing else", async () => {
  const id: number = await people.insertAsStrings({ team: "a", age: "39", birth: "1956-05-12" });
  people.insertAsStringsSync({ team: "a", rank: undefined, ok: "true", name: null, data: "{}" });
  people.setStringFormat("date", "dd.MM.yyyy");
  // @ts-expect-error a number
  await people.insertAsStrings({ team: "a", age: id });
  // @ts-expect-error a required field is missing
  await people.insertAsStrings({ age: "39" });
  // @ts-expect-error null in a required field
  await people.insertAsStrings({ team: null });
  // @ts-expect-error null in a required field with a default
  await people.insertAsStrings({ team: "a", rank: null });
  // @ts-expect-error misspelt
  await people.insertAsStrings({ team: "a", agee: "39" });
  // @ts-expect-error numbers have no format
  people.setStringFormat("integer", "0,0");
});

compiles("updateWhere and deleteWhere take conditions, and give numbers", async () => {
  const updated: number = await people.updateWhere({ age: { not: null } }, { ok: true });
  people.updateWhereSync((row) => row.ok === true, (row) => ({ age: (row.age ?? 0) + updated }));
  const deleted: number = await people.deleteWhere({ _or: [{ age: field("size") }] });
  people.deleteWhereSync({ age: deleted });
  // @ts-expect-error all rows are {}
  await people.deleteWhere();
  // @ts-expect-error misspelt
  await people.deleteWhere({ agee: 3 });
  // @ts-expect-error ids are for delete
  await people.deleteWhere(3);
  // @ts-expect-error misspelt change
  await people.updateWhere({}, { agee: 3 });
  // @ts-expect-error misspelt change in a function
  await people.updateWhere({}, () => ({ agee: 3 }));
  // @ts-expect-error a promise of changes
  await people.updateWhere({}, async (row) => ({ age: await row.age }));
});

compiles("renameField, setType, setIndex and setDefault give the handle another type", async () => {
  const renamed = await people.renameField("name", "alias");
  const alias: string | null | undefined = renamed.get(0)?.alias;
  renamed.select({ alias: "x" }, { fields: ["alias"], orderBy: "-alias" });
  const unique = await renamed.setIndex("alias", { unique: true });
  await unique.upsert({ alias: "x" }, { team: "a" });
  const indexed = unique.setIndexSync("team", { index: true });
  await indexed.upsert({ alias: "x" }, { team: "a" });
  const plain = await indexed.setIndex("alias", { unique: false });
  same<RowOf<typeof plain>["alias"], string | null>(true);
  same<RowOf<typeof plain>["team"], string>(true);
  same<RowOf<typeof plain>["prefs"], { theme: "dark" | "light" } | null>(true);
  const widened = await people.setType("size", "float");
  same<RowOf<typeof widened>["size"], number | null>(true);
  const dated = await people.setType("name", "date");
  same<RowOf<typeof dated>["name"], Temporal.PlainDate | null>(true);
  const texts = people.setTypeSync("size", "string");
  same<RowOf<typeof texts>["size"], string | null>(true);
  const code = await people.renameField("team", "code");
  await code.insert({ code: "a" });
  const eased = await code.setDefault("code", "none");
  await eased.insert({});
  const themed = await people.setDefault("prefs", { theme: "dark" });
  same<RowOf<typeof themed>["prefs"], { theme: "dark" | "light" } | null>(true);
  const shaped = await people.addField("shape", json<Shape>());
  const shapedWith = await shaped.setDefault("shape", { sides: 3 });
  same<RowOf<typeof shapedWith>["shape"], Shape | null>(true);
  const homeless = await staff.setDefault("home", null);
  same<RowOf<typeof homeless>["home"], House | null>(true);
  const linked = await staff.setIndex("home", { index: true, unique: true });
  await linked.upsert({ home: h }, { badge: 3, team: "a", boss: 0 });

  // @ts-expect-error taken
  await people.renameField("name", "age");
  // @ts-expect-error reserved
  await people.renameField("name", "_name");
  // @ts-expect-error unknown
  await people.renameField("nmae", "x");
  // @ts-expect-error it has another name now
  renamed.get(0)?.name;
  // @ts-expect-error not any more
  await plain.upsert({ alias: "x" }, { team: "a" });
  // @ts-expect-error json becomes nothing else
  await people.setType("data", "string");
  // @ts-expect-error nothing becomes bytes
  await people.setType("age", "bytes");
  // @ts-expect-error nothing becomes a link
  await people.setType("age", link("self"));
  // @ts-expect-error unknown
  await people.setType("agee", "float");
  // @ts-expect-error unknown
  await people.setIndex("agee", { index: true });
  // @ts-expect-error unknown option
  await people.setIndex("age", { indexed: true });
  // @ts-expect-error json has no order
  await people.setIndex("data", { index: true });
  // @ts-expect-error a link has no default
  await staff.setDefault("home", 3);
  // @ts-expect-error wrong shape
  await people.setDefault("prefs", { theme: "blue" });
  void alias;
});

compiles("functions take views and bases of a schema", () => {
  const large = (view: View<typeof HOUSES>): number => view.count({ rooms: { gt: 5 } });
  const owned = (base: Base<typeof HOUSES>): Stats => base.stats();
  const addresses = (view: View<typeof HOUSES>): ResultSet<House> =>
    view.select({}, { orderBy: "address" });
  const total: number = large(houses) + houses.snapshot(large) + owned(houses).rows;
  const base: Base<typeof HOUSES> = houses;
  const view: View<typeof HOUSES> = base;
  const literal: View<{ address: { type: "string"; required: true }; rooms: "integer" }> = houses;
  const workers: View<typeof staff extends Base<infer S> ? S : never> = staff;
  // @ts-expect-error a view of another table
  large(people);
  // @ts-expect-error a snapshot of another table
  people.snapshot(large);
  // @ts-expect-error a view is no table
  owned(view);
  void [addresses(houses), total, literal, workers];
});

compiles("generic functions read any table", async () => {
  const newest = <S extends Schema>(view: View<S>) => view.at(-1);
  const ids = <S extends Schema>(base: Base<S>) => base.select().map((row) => row.__id__);
  const recent = <S extends Schema>(base: Base<S>) => base.select((row) => row.__version__ === 0);
  const dump = <S extends Schema>(base: Base<S>) => [...base].map((row) => JSON.stringify(row));
  const empty = <S extends Schema>(base: Base<S>) => base.deleteWhere(() => true);
  const counted = (base: AnyBase) => base.snapshot((view) => view.size);
  const bare = (view: View) => view.size;
  const ordered = <S extends Schema>(base: Base<S>) => base.select({}, { orderBy: "-__id__" });
  const column = <S extends Schema, K extends keyof S & string>(base: Base<S>, name: K) =>
    base.select({}, { fields: [name] }).map((row) => row[name]);
  const ranked = <S extends Schema, K extends SortableName<S>>(
    view: View<S>,
    name: K,
  ) => [view.min(name), ...view.distinct(name), ...view.select({}, { orderBy: `-${name}` })];
  const total = <S extends Schema>(view: View<S>, name: NumericName<S>) => view.avg(name);
  const without = <S extends Schema>(base: Base<S>, name: FieldName<S>) => base.dropField(name);
  const called = <S extends { readonly name: "string" }>(view: View<S>, name: string) =>
    view.select((row) => row.name === name).first?.name?.length;
  const ages = column(people, "age");
  same<typeof ages, (number | null)[]>(true);
  await without(people, "name");
  void [ranked(people, "team"), total(people, "age"), called(people, "homer")];
  // @ts-expect-error a table without names
  called(houses, "homer");
  // @ts-expect-error text has no mean
  total(people, "name");
  // @ts-expect-error an unknown field
  column(people, "nmae");
  const team: string | undefined = newest(staff)?.team;
  const rows: ResultSet<Worker> = recent(staff);
  const all: AnyBase[] = [people, houses, staff];
  await empty(people);
  void [ids(people), dump(staff), counted(people), bare(people), ordered(houses), team, rows, all];
});

compiles("a base without a schema takes all names", async () => {
  const base = await PsBase.open("x");
  base.select({ a: 3, b: { not: 2, or: [{ gt: 3 }, field("c")] }, _or: [{ d: /x/ }] });
  base.select({ a: [1, 2], b: new Date(), c: { contains: "x" }, _not: (row) => row["a"] === 3 });
  const rows = base.select({}, { fields: ["a", "b"], orderBy: ["-a", "__id__"] });
  rows.sortBy("-a").first?.["b"];
  await base.upsert({ a: "x" }, { b: 3 });
  const sum = base.sum("a", { b: 3 });
  same<typeof sum, number | bigint>(true);
  const mean: number | null = base.avg("a");
  base.groupBy("a", { n: "count", m: ["max", "b"], s: ["sum", "c"] })[0]?.n.toFixed();
  base.distinct("a").map((value) => value);
  const added = await base.addField("a", "string");
  await added.renameField("a", "b");
  await base.setIndex("a", { unique: true });
  await base.setType("a", "float");
  await base.setDefault("a", 3);
  await base.insertAsStrings({ a: "3", b: null });
  base.snapshot((view) => view.count({ a: 3 }));
  const other = await PsBase.create("y", { to: link(base) });
  other.get(0)?.to?.["anything"];
  // @ts-expect-error no such option
  base.select({}, { order: "a" });
  void [mean, added];
});

compiles("fields may have the names of words, operators and methods", async () => {
  const odd = await PsBase.create("odd", {
    or: "integer",
    not: "string",
    eq: "integer",
    in: { type: "string", unique: true },
    field: "string",
    then: "integer",
    constructor: "string",
    toString: "integer",
    length: "integer",
    name: "string",
    link: "string",
    json: "json",
    type: { type: "string", required: true },
    default: { type: "string", required: true, default: "x" },
    next: link("self"),
  });
  const id: number = await odd.insert({ type: "a" });
  await odd.insert({ type: "a", constructor: "b", toString: 3, then: 4, json: [1], link: "c" });
  const row: RowOf<typeof odd> = await odd.update(id, { then: 3, or: 4, length: 5 });
  await odd.update(id, (row) => ({ then: (row.then ?? 0) + 1, eq: row.eq }));
  same<typeof row.then, number | null>(true);
  same<typeof row.constructor, string | null>(true);
  same<typeof row.next, RowOf<typeof odd> | null>(true);
  await odd.upsert({ in: "x" }, { type: "a", not: "b", constructor: "c" });
  odd.select({
    or: 3,
    not: "x",
    eq: { or: [1, { not: 2 }] },
    field: field("link"),
    length: [1, 2],
  });
  odd.select({ or: field("then"), json: { eq: 1 }, constructor: /x/, type: "a", next: row });
  odd.select({ _or: [{ or: { or: [1, 2] } }, { _not: { not: { not: "x" } } }] });
  odd.select({}, { fields: ["then", "constructor"], orderBy: "-constructor" }).sortBy("then");
  odd.select((row) => row.length === 3);
  odd.groupBy("not", { or: ["sum", "or"], eq: "count", length: ["max", "then"] })[0]?.or.toFixed();
  const sum: number = odd.sum("then") + odd.snapshot((view) => view.size);
  await odd.renameField("then", "when");
  await odd.dropField("constructor");
  // @ts-expect-error SQL
  odd.select("or > 3");
  // @ts-expect-error no boolean
  odd.select((row) => row.length);
  // @ts-expect-error no boolean of a function without parameters
  odd.select(() => 3);
  // @ts-expect-error a promise is no boolean
  odd.select(async (row) => await row.length === 3);
  // @ts-expect-error wrong type
  odd.select({ or: "3" });
  // @ts-expect-error wrong type
  await odd.insert({ type: "a", then: "3" });
  void sum;
});

compiles("a field may have any one of such names", async () => {
  const base = await PsBase.create("x", { constructor: "integer", valueOf: "date" });
  await base.insert({});
  await base.update(0, {});
  base.select({});
  base.count({ _or: [{}] });
  const one = await PsBase.create("x", { then: "json" });
  const row: RowOf<typeof one> = await one.update(0, { then: 3 });
  void row;
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

compiles("watch() tells rows of the table, by kind", async () => {
  for await (const change of people.watch({ since: 3, where: { team: "a" } })) {
    const row: RowOf<typeof people> | null = change.row;
    if (change.kind === "update") {
      const teams: string[] = [change.row.team, change.before.team];
      void teams;
    }
    if (change.kind === "schema") {
      const id: null = change.id;
      void id;
    }
    // @ts-expect-error a deleted row is not there
    if (change.kind === "delete") change.row.team;
    // @ts-expect-error there may be no row
    change.before.team;
    void row;
  }
  // @ts-expect-error no field
  people.watch({ where: { nix: 1 } });
  // @ts-expect-error no number
  people.watch({ since: "1" });
  // @ts-expect-error no number
  await people.keepChanges("1");
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
