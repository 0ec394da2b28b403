/**
 * Row groups as bytes: every layout, width and shape of a column, and damage.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Column, ColumnMeta } from "../../../engine/segment/column.ts";
import { equalToAny, type Predicate } from "../../../engine/schema/predicate.ts";
import { CorruptionError } from "../../../engine/system/errors.ts";
import {
  Group,
  GroupBuilder,
  type GroupDirectory,
  MemorySource,
} from "../../../engine/segment/group.ts";
import type { FieldDef } from "../../../engine/schema/field_def.ts";
import { TableSchema } from "../../../engine/schema/schema.ts";
import type { Stored } from "../../../engine/schema/values.ts";
import { GROUP_ROWS } from "../../../engine/bytes/header.ts";

/** No row is gone. */
const all = (n: number) => n;

type Value = Stored | null;

const day = Temporal.PlainDateTime.from("2024-02-29T23:59:59.999999999");

/** UTF-16 orders some of these in another way than their bytes. */
const ODD_TEXTS = ["", "a", "aé", "ab", "é", "éa", "a\ue000", "a😀", "😀", "\uffff"];

/** For each type, what its columns can be made of; row `i` holds `f(i)`. */
const COLUMNS: Record<string, Record<string, (i: number) => Value>> = {
  integer: {
    "one value": () => -7,
    "a byte wide": (i) => 1000 + i % 256,
    "two bytes wide": (i) => -40_000 + i * 7919 % 60_000,
    "four bytes wide": (i) => i * 12_345_678 % 4_000_000_007,
    "eight bytes wide": (i) => i % 2 === 0 ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER,
    "evenly ascending": (i) => -1000 + i * 200,
    "unevenly ascending": (i) => i * 200 + i * 7919 % 150,
    "ascending by much": (i) => -1e15 + i * 5e12 + i * 7919 % 60_000,
    "ascending, but not the words": (i) => i * 500_000 + i * 123_456_789 % 3_000_000_000,
    "some null": (i) => i % 3 === 0 ? null : i,
    "all but one null": (i) => i === 5 ? 2 ** 40 : null,
    "all null": () => null,
  },
  float: {
    "whole": (i) => i,
    "whole, in no order": (i) => i * 7919 % 1009 - 300,
    "fractions": (i) => i / 3,
    "all there is": (i) => [0, -0, NaN, Infinity, -Infinity, 5e-324, null][i % 7]!,
  },
  bigint: {
    "extremes": (i) => [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)][i % 4]!,
    "some null": (i) => i % 2 === 0 ? null : BigInt(i),
  },
  datetime: {
    "one": () => day,
    "many": (i) => day.subtract({ days: i * 400 }).add({ nanoseconds: i * 1e9 + i }),
    "some null": (i) => i % 4 === 0 ? null : day.add({ days: i }),
  },
  string: {
    "few": (i) => ["", "a", "ü\0😀", "a"][i % 4]!,
    "one": () => "same",
    "all different": (i) => `text ${i}`,
    "all different, not ASCII": (i) => "ü".repeat(i % 50) + i,
    "all different, ASCII and not": (i) => ODD_TEXTS[i % ODD_TEXTS.length]! + i,
    "few, ASCII and not": (i) => ODD_TEXTS[i % ODD_TEXTS.length]!,
    "few, some null": (i) => i % 3 === 0 ? null : `${i % 5}`,
    "all different, some null": (i) => i % 3 === 0 ? null : `${i}`,
    "empty": () => "",
  },
  bytes: {
    "all": (i) => new Uint8Array(i % 20).fill(i),
    "some null": (i) => i % 3 === 0 ? null : new Uint8Array([i]),
  },
};

/** The group of rows with these ids. */
function groupOf(field: FieldDef, ids: readonly number[], f: (i: number) => Value) {
  const builder = new GroupBuilder([field]);
  ids.forEach((id, i) => builder.add(id, { version: i % 2 * i, values: [f(i)] }));
  const { group: { directory, bytes }, first, last } = builder.build();
  assert(builder.empty);
  assertEquals([first, last], [ids[0], ids.at(-1)]);
  return { bytes, directory: JSON.parse(JSON.stringify(directory)) as GroupDirectory, first };
}

/** All values of a column, read one by one or after all was loaded. */
function valuesOf(group: Group, field: FieldDef, load: boolean): Value[] {
  const column = group.column(field);
  if (load) column.load();
  return Array.from({ length: group.rows }, (_, i) => column.get(i));
}

/** Compares all values of a column with others, and copies them. */
function checkOrder(group: Group, field: FieldDef, expected: Value[], others: Value[]): void {
  const column = group.column(field);
  const { value: type } = field;
  for (const other of others) {
    if (other === null) continue;
    const orders = expected.map((_, i) => column.compare(i, other, type));
    assertEquals(
      orders.map((order) => order && Math.sign(order)),
      expected.map((value) => value === null ? undefined : Math.sign(type.compare(value, other))),
      `beside ${String(other)}`,
    );
  }
  assertEquals(expected.map((_, i) => column.copy(i)), expected);
}

for (const [type, columns] of Object.entries(COLUMNS)) {
  const field = TableSchema.from({ f: type as "string" }).fields[0]!;
  for (const [what, f] of Object.entries(columns)) {
    Deno.test(`Group gives back a column of ${type}: ${what}`, () => {
      for (const count of [1, 8, 9, 1500]) {
        const ids = Array.from({ length: count }, (_, i) => 5 + i);
        const { bytes, directory, first } = groupOf(field, ids, f);
        const expected = ids.map((_, i) => f(i));
        for (const load of [false, true]) {
          const group = new Group(new MemorySource(bytes, "p"), directory, first);
          const others = expected.slice(0, ODD_TEXTS.length);
          // Before values were given, and after: then texts are kept in another form.
          for (let times = 0; times < 2; times++) {
            checkOrder(group, field, expected, others);
            assertEquals(valuesOf(group, field, load), expected);
          }
          const values = valuesOf(group, field, load);
          // Which takes -0 for 0.
          assert(values.every((value, i) => !Object.is(value, -0) || Object.is(expected[i], -0)));
          assert(values.every((value, i) => !Object.is(expected[i], -0) || Object.is(value, -0)));
        }
        if (field.value.layout === "number") {
          const column = new Group(new MemorySource(bytes, "p"), directory, first).column(field);
          const rows = Uint32Array.from(ids, (_, i) => count - 1 - i);
          const out = new Float64Array(count);
          const numbers = expected.filter((value) => value !== null) as number[];
          assertEquals([...out.subarray(0, column.gather(rows, out))], numbers.toReversed());
          column.load();
          column.numbers(out);
          assertEquals([...out], expected.map((value) => value ?? NaN) as number[]);
        }
        // What a condition finds is what a loop over the values finds.
        const wanted = expected.find((value) => value !== null) ?? "";
        const same = (a: Value, b: Value) =>
          Object.is(a, b) || (typeof a === "object" && String(a) === String(b));
        const matchers: Predicate[] = [
          { nulls: false, test: (value) => same(value, wanted) },
          { nulls: true, test: () => false },
        ];
        // Alike, but not the same.
        if (type === "integer" || type === "float") {
          for (const range of [[-100, 1100], [-100, 1], [0, 1100], [7, 7]] as const) {
            const [low, high] = range;
            for (const nulls of [false, true]) {
              for (const nan of [false, true]) {
                const test = (value: Stored) =>
                  (value as number >= low && value as number <= high) ||
                  (nan && Number.isNaN(value));
                matchers.push({ nulls, nan, range, test });
              }
            }
          }
        }
        if (type === "string") {
          const text = wanted as string;
          for (const nulls of [false, true]) {
            for (const part of [text, text.slice(1), "1"]) {
              matchers.push(
                { nulls, text: { part, at: "all" }, test: (value) => value === part },
                { nulls, text: { part, at: "any" }, test: (value) => `${value}`.includes(part) },
                {
                  nulls,
                  text: { part, at: "start" },
                  test: (value) => `${value}`.startsWith(part),
                },
                { nulls, text: { part, at: "end" }, test: (value) => `${value}`.endsWith(part) },
              );
            }
          }
        }
        // What was found last is kept.
        const again = new Group(new MemorySource(bytes, "p"), directory, first).column(field);
        for (const matcher of matchers) {
          const group = new Group(new MemorySource(bytes, "p"), directory, first);
          const found = expected.flatMap((value, i) =>
            (value === null ? matcher.nulls : matcher.test(value)) ? [i] : []
          );
          const rows = Uint32Array.from(ids, (_, i) => i);
          const ways = [
            () => group.column(field).select(matcher, rows, count),
            () => again.find(matcher, rows, all),
            () => again.find({ ...matcher }, rows.fill(0), all),
          ];
          for (const way of ways) assertEquals([...rows.subarray(0, way())], found);
        }
      }
    });
  }

  Deno.test(`Group tells an impossible directory of a column of ${type}`, () => {
    for (const f of Object.values(columns)) {
      const ids = Array.from({ length: 100 }, (_, i) => i * 2);
      const { bytes, directory } = groupOf(field, ids, f);
      let refused = 0;
      for (const changed of changes(directory)) {
        try {
          const group = new Group(new MemorySource(bytes, "p"), changed, 0);
          valuesOf(group, field, false);
          valuesOf(group, field, true);
          group.indexOf(3);
          group.version(0);
        } catch (error) {
          if (!(error instanceof CorruptionError)) throw error;
          refused++;
        }
      }
      assert(refused > 0);
    }
  });
}

/** The value with each number in it replaced by impossible ones, one at a time. */
function* changes<T>(value: T): Generator<T> {
  if (typeof value === "number") {
    for (const other of [-1, 0.5, 1e6, 2 ** 40]) yield other as T;
  } else if (typeof value === "object" && value !== null) {
    for (const [key, part] of Object.entries(value)) {
      for (const other of changes(part)) yield { ...value, [key]: other };
    }
  }
}

Deno.test("Group finds ids with gaps, and versions", () => {
  const field = TableSchema.from({ f: "integer" }).fields[0]!;
  for (const step of [1, 3, 100_000]) {
    const ids = Array.from({ length: 50 }, (_, i) => 7 + i * step);
    const { bytes, directory, first } = groupOf(field, ids, (i) => i);
    assertEquals("ids" in directory, step > 1);
    const group = new Group(new MemorySource(bytes, "p"), directory, first);
    ids.forEach((id, i) => {
      assertEquals([group.id(i), group.indexOf(id), group.version(i)], [id, i, i % 2 * i]);
      assertEquals(group.lowerBound(id), i);
      if (step > 1) assertEquals([group.indexOf(id + 1), group.lowerBound(id + 1)], [-1, i + 1]);
    });
    assertEquals([group.indexOf(6), group.lowerBound(0)], [-1, 0]);
    assertEquals([group.indexOf(2 ** 40), group.lowerBound(2 ** 40)], [-1, 50]);
  }
});

Deno.test("Group gives a field that was added later its fill", () => {
  const schema = TableSchema.from({ f: "integer" });
  const { bytes, directory, first } = groupOf(schema.fields[0]!, [0, 1], (i) => i);
  const added = { ...schema.fields[0]!, number: 1, fill: 42 };
  const group = new Group(new MemorySource(bytes, "p"), directory, first);
  assertEquals(valuesOf(group, added, true), [42, 42]);
  assertEquals(group.row(1, [schema.fields[0]!, added]), { version: 1, values: [1, 42] });
});

Deno.test("GroupBuilder is full at GROUP_ROWS, or earlier where values are large", () => {
  const field = TableSchema.from({ f: "string" }).fields[0]!;
  const builder = new GroupBuilder([field]);
  for (let i = 0; i < GROUP_ROWS; i++) {
    assert(!builder.full);
    builder.add(i, { version: 0, values: ["x"] });
  }
  assert(builder.full);
  builder.build();
  const large = "x".repeat(2 ** 24);
  for (let i = 0; !builder.full; i++) builder.add(i, { version: 0, values: [large] });
  assertEquals(builder.build().last, 1);
});

Deno.test("Group tells of a text that is none of those of its column, however it is asked for", () => {
  const field = TableSchema.from({ f: "string" }).fields[0]!;
  const ids = Array.from({ length: 100 }, (_, i) => i);
  const { bytes, directory, first } = groupOf(field, ids, (i) => `${i % 5}`);
  const column = directory.columns[0]!;
  assert(column.kind === "dictionary");
  bytes[column.codes.at] = 5;
  const asked: ((column: Column) => unknown)[] = [
    (column) => column.get(0),
    (column) => column.copy(0),
    (column) => column.compare(0, "1", field.value),
  ];
  for (const ask of asked) {
    for (const load of [false, true]) {
      const column = new Group(new MemorySource(bytes, "p"), directory, first).column(field);
      if (load) column.load();
      assertThrows(() => ask(column), CorruptionError);
    }
  }
});

Deno.test("Group finds all other rows though a text is none of those of its column, and tells of it", () => {
  const field = TableSchema.from({ f: "string" }).fields[0]!;
  const ids = Array.from({ length: 1000 }, (_, i) => i);
  for (const code of [5, 6, 200]) {
    const { bytes, directory, first } = groupOf(field, ids, (i) => i % 7 === 3 ? null : `${i % 5}`);
    const { codes } = directory.columns[0] as ColumnMeta & { kind: "dictionary" };
    bytes[codes.at + 501] = code;
    const open = () => new Group(new MemorySource(bytes, "p"), directory, first).column(field);
    const matcher = equalToAny(field.value, ["1", "2"], false);
    const matching = ids.filter((i) => i % 7 !== 3 && i !== 501 && (i % 5 === 1 || i % 5 === 2));
    const rows = Uint32Array.from(ids);
    assertEquals([...rows.subarray(0, open().find(matcher, rows, all))], matching);
    rows.set(ids);
    assertEquals([...rows.subarray(0, open().select(matcher, rows, ids.length))], matching);
    rows.set(ids);
    assertThrows(() => open().classify(rows, new Uint32Array(ids.length)), CorruptionError);
  }
});

Deno.test("Group gives all other texts though one is no UTF-8, or ends within a character", () => {
  const field = TableSchema.from({ f: "string" }).fields[0]!;
  const ids = Array.from({ length: 100 }, (_, i) => i);
  for (const [at, byte] of [[5, 0xff], [8, 0xbf]] as const) {
    const { bytes, directory, first } = groupOf(field, ids, (i) => `é${i + 100}`);
    const { blobs } = directory.columns[0] as ColumnMeta & { kind: "plain" };
    bytes[blobs.heap + at * 5] = byte;
    for (const load of [false, true]) {
      const column = new Group(new MemorySource(bytes, "p"), directory, first).column(field);
      if (load) column.load();
      for (const i of ids) {
        if (i === at) assertThrows(() => column.get(i), CorruptionError, "UTF-8");
        else assertEquals([column.get(i), column.copy(i)], [`é${i + 100}`, `é${i + 100}`]);
      }
    }
  }
});
