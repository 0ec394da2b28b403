/**
 * What a predicate sees of rows, in groups and in memory, and for how long.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { CorruptionError } from "../../../engine/system/errors.ts";
import { Group, GroupBuilder, MemorySource } from "../../../engine/segment/group.ts";
import type { Source } from "../../../engine/segment/parts.ts";
import { rowTester } from "../../../engine/snapshot/row_view.ts";
import { readField, type StoredRow } from "../../../engine/schema/field_def.ts";
import { TableSchema } from "../../../engine/schema/schema.ts";
import type { Stored } from "../../../engine/schema/values.ts";
import { GROUP_ROWS } from "../../../engine/bytes/header.ts";

type View = Record<string, unknown>;
type Predicate = (row: View) => unknown;

const LATE = "Cannot read a row after the predicate that it was passed to: copy what is needed";

const ask = (schema: TableSchema, predicate: Predicate) =>
  rowTester(schema, undefined!, predicate as (row: unknown) => unknown);

/** Rows by field order; `ids` from 100, every third one left out, versions 0, 1, 0, 1. */
function rowsOf(count: number, f: (i: number) => (Stored | null)[]) {
  return Array.from({ length: count }, (_, i) => ({
    id: 100 + i + (i >> 1),
    row: { version: i % 2, values: f(i) } as StoredRow,
  }));
}

function groupOf(
  schema: TableSchema,
  rows: readonly { id: number; row: StoredRow }[],
  source = (bytes: Uint8Array): Source => new MemorySource(bytes, "p"),
): Group {
  const builder = new GroupBuilder(schema.fields);
  for (const { id, row } of rows) builder.add(id, row);
  const { group, first } = builder.build();
  return new Group(source(group.bytes), group.directory, first);
}

/** The rows of a group that a predicate keeps. */
function kept(schema: TableSchema, group: Group, predicate: Predicate): number[] {
  const rows = Uint32Array.from({ length: group.rows }, (_, i) => i);
  return [...rows.subarray(0, ask(schema, predicate).select(group, rows, group.rows))];
}

const NUMBERS = TableSchema.from({ a: "integer", b: "integer" });
const numbers = groupOf(NUMBERS, rowsOf(100, (i) => [i, i % 10]));

Deno.test("a predicate sees the values of each type, width and place as users get them", () => {
  const day = Temporal.PlainDateTime.from("2024-02-29T23:59:59.999999999");
  const columns: [string, (i: number) => Stored | null][] = [
    ["integer", () => -7],
    ["integer", () => 0],
    ["integer", (i) => 1000 + i % 256],
    ["integer", (i) => -40_000 + i * 200],
    ["integer", (i) => i * 12_345_678],
    ["integer", (i) => i % 2 === 0 ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER],
    ["integer", (i) => i % 3 === 0 ? null : i],
    ["integer", (i) => i === 5 ? 2 ** 40 : null],
    ["integer", () => null],
    ["float", (i) => [0, -0, NaN, Infinity, -Infinity, 5e-324, null][i % 7]!],
    ["float", (i) => i / 3],
    ["boolean", (i) => i % 2],
    ["boolean", (i) => [0, 1, null][i % 3]!],
    ["date", (i) => i * 100],
    ["time", (i) => i % 2 === 0 ? null : i * 1e9],
    ["timestamp", (i) => i * 1e10],
    ["datetime", (i) => i % 4 === 0 ? null : day.add({ days: i })],
    ["bigint", (i) => i % 5 === 0 ? null : 2n ** 62n + BigInt(i)],
    ["string", (i) => ["", "a", "ü\0😀"][i % 3]!],
    ["string", (i) => `text ${i}`],
    ["string", (i) => i % 3 === 0 ? null : `${i % 5}`],
    ["json", (i) => i % 2 === 0 ? null : `{"n":${i}}`],
    ["bytes", (i) => new Uint8Array([i & 255])],
  ];
  const schema = TableSchema.from(
    Object.fromEntries(columns.map(([type], k) => [`f${k}`, type as "string"])),
  ).withField("later", { type: "integer", default: 42 }, { empty: false })
    .withField("none", "float", { empty: false });
  const old = TableSchema.from(
    Object.fromEntries(columns.map(([type], k) => [`f${k}`, type as "string"])),
  );
  // Few rows are read one by one, many are read as columns.
  for (const count of [3, 31, 32, 1500]) {
    const rows = rowsOf(count, (i) => columns.map(([, f]) => f(i)));
    const group = groupOf(old, rows);
    let at = 0;
    const check = (view: View): boolean => {
      const { id, row } = rows[at++]!;
      assertStrictEquals(view.__id__, id);
      assertStrictEquals(view.__version__, row.version);
      for (const field of schema.fields) {
        const stored = readField(row, field);
        const expected = stored === null ? null : field.value.decode(stored);
        // Twice: the first one may be what reads the column.
        for (const seen of [view[field.name], view[field.name]]) {
          if (typeof expected === "object") assertEquals(seen, expected, field.name);
          else assert(Object.is(seen, expected), `${field.name}: ${seen}, not ${expected}`);
        }
      }
      return at % 3 !== 0;
    };
    const all = Array.from(rows, (_, i) => i);
    assertEquals(kept(schema, group, check), all.filter((i) => (i + 1) % 3 !== 0));
    at = 0;
    const { test } = ask(schema, check);
    assertEquals(
      rows.map(({ id, row }) => test(id, row)),
      all.map((i) => (i + 1) % 3 !== 0),
    );
  }
});

Deno.test("a predicate is asked only of the rows given, group by group, large and small", () => {
  const seen: unknown[] = [];
  const { select: keep } = ask(NUMBERS, (row) => {
    seen.push(row.a);
    return (row.a as number) % 2 === 0;
  });
  const sizes = [100, GROUP_ROWS, 80, 1];
  for (const [g, size] of sizes.entries()) {
    const group = groupOf(NUMBERS, rowsOf(size, (i) => [i + g * 1e6, null]));
    const rows = Uint32Array.from({ length: size }, (_, i) => i);
    const given = rows.slice(size >> 1);
    seen.length = 0;
    const n = keep(group, given, given.length);
    assertEquals(seen, Array.from(rows.slice(size >> 1), (i) => i + g * 1e6));
    assertEquals(given.slice(0, n), rows.slice(size >> 1).filter((i) => i % 2 === 0));
  }
});

Deno.test("fields may be named like anything, and a row lists its fields, or throws", () => {
  const names = ["constructor", "then", "toJSON", "hasOwnProperty", "make", "view", "ü"];
  const schema = TableSchema.from(Object.fromEntries(names.map((name) => [name, "integer"])));
  const group = groupOf(schema, rowsOf(40, (i) => names.map((_, k) => i * 10 + k)));
  const predicate = (row: View) => {
    const listed: string[] = [];
    for (const name in row) listed.push(name);
    assertEquals(listed.sort(), ["__id__", "__version__", ...names].sort());
    assertEquals(names.map((name) => row[name] as number % 10), names.map((_, k) => k));
    assertThrows(() => row.nothing, TypeError, 'Cannot read "nothing" of a row');
    return row.constructor as unknown as number < 50;
  };
  assertEquals(kept(schema, group, predicate), [0, 1, 2, 3, 4]);
});

Deno.test("a row that was kept cannot be read later", () => {
  for (const name of ["a", "t", "__id__", "__version__"]) {
    const schema = TableSchema.from({ a: "integer", t: "string" });
    const rows = rowsOf(40, (i) => [i, `${i % 3}`]);
    const group = groupOf(schema, rows);
    let first: View | undefined;
    const late = () => assertThrows(() => first![name], TypeError, LATE);
    /** Reads the first row that it got as a later one is asked. */
    const predicate = (row: View) => {
      row[name];
      if (first === undefined) first = row;
      else late();
      return true;
    };
    const { select: keep, test } = ask(schema, predicate);
    const all = () => Uint32Array.from({ length: 40 }, (_, i) => i);
    assertEquals(keep(group, all(), 40), 40);
    late(); // after the group
    assertEquals(keep(group, all(), 40), 40); // in the next one, at its own index too
    assertEquals(kept(schema, group, predicate), [...all()]); // in another scan
    assert(test(rows[0]!.id, rows[0]!.row)); // and among rows in memory
    late();

    // One kept from memory.
    first = undefined;
    assert(test(rows[0]!.id, rows[0]!.row));
    late();
    assert(test(rows[0]!.id, rows[0]!.row));
    assertEquals(keep(group, all(), 40), 40);

    // One kept from a call that threw.
    first = undefined;
    assertThrows(
      () =>
        kept(schema, group, (row) => {
          first = row;
          throw new Error("stop");
        }),
      Error,
      "stop",
    );
    late();
    assertEquals(kept(schema, group, predicate).length, 40);

    // One kept within a nested scan, read where the outer predicate goes on, and the reverse.
    kept(schema, group, () => {
      first = undefined;
      kept(schema, group, predicate);
      late();
      first = undefined;
      test(rows[0]!.id, rows[0]!.row);
      late();
      return true;
    });
    let before: View | undefined;
    kept(schema, group, (outer) => {
      kept(schema, group, () => {
        if (before !== undefined) assertThrows(() => before![name], TypeError, LATE);
        return true;
      });
      before = outer;
      return true;
    });
  }
});

Deno.test("predicates may run others, on the same table or another, and go on reading", () => {
  const other = TableSchema.from({ c: "integer" });
  const others = groupOf(other, rowsOf(50, (i) => [i % 10]));
  const [{ id, row: inMemory }] = rowsOf(1, () => [7, 3]) as [{ id: number; row: StoredRow }];
  const outer = kept(NUMBERS, numbers, (row) => {
    // `b` is not touched before the nested scans, `a` is.
    const a = row.a as number;
    const same = kept(NUMBERS, numbers, (inner) => (inner.a as number) === (row.b as number) + a);
    assertEquals(same, a + a % 10 < 100 ? [a + a % 10] : []);
    const another = kept(other, others, (inner) => inner.c === row.b);
    assertEquals(another, [0, 10, 20, 30, 40].map((i) => i + a % 10));
    assertEquals(ask(NUMBERS, (inner) => inner.a === 7 && row.a === a).test(id, inMemory), true);
    assertEquals([row.a, row.b, row.__id__], [a, a % 10, numbers.id(a)]);
    return same.length > 0 && another[0] === 3;
  });
  assertEquals(outer, [3, 13, 23, 33, 43, 53, 63, 73, 83, 93]);
  /** Counts down by itself, each level reading the rows of all levels above. */
  const level = (above: View[]): number =>
    kept(NUMBERS, numbers, (row) => {
      if (row.a !== above.length) return false;
      assertEquals(above.map((view) => view.b), above.map((_, k) => k));
      return above.length === 4 || level([...above, row]) === 1;
    }).length;
  assertEquals(level([]), 1);
  // From within a row in memory.
  assert(
    ask(NUMBERS, (row) => kept(NUMBERS, numbers, (inner) => inner.a === row.a).join() === "7")
      .test(id, inMemory),
  );
});

Deno.test("a predicate must return true or false, and what it throws passes through", () => {
  const { id, row } = rowsOf(1, () => [1, 2])[0]!;
  const fine = () => {
    assertEquals(kept(NUMBERS, numbers, (row) => row.a === row.b).length, 10);
    assert(ask(NUMBERS, (row) => row.a === 1).test(id, row));
  };
  for (const answer of [undefined, null, 0, 1, "", "true", {}, Promise.resolve(true)]) {
    const message = "a predicate must return true or false";
    assertThrows(() => kept(NUMBERS, numbers, () => answer), TypeError, message);
    assertThrows(() => ask(NUMBERS, () => answer).test(id, row), TypeError, message);
    fine();
  }
  const error = new RangeError("mine");
  const fails = (row: View) => {
    if (row.a === 1) throw error;
    return true;
  };
  for (
    const run of [() => kept(NUMBERS, numbers, fails), () => ask(NUMBERS, fails).test(id, row)]
  ) {
    assertStrictEquals(assertThrows(run), error);
    fine();
    // Within another predicate, which goes on.
    const outer = kept(NUMBERS, numbers, (row) => {
      assertStrictEquals(assertThrows(run), error);
      return (row.a as number) > 97;
    });
    assertEquals(outer, [98, 99]);
  }
});

Deno.test("a predicate reads the columns that it touches, and no others; damage is told", () => {
  const schema = TableSchema.from({ n: "integer", f: "float", t: "string", u: "string" });
  const rows = rowsOf(1000, (i) => [i % 200, i / 7, `text ${i}`, `${i % 5}`]);
  const needed: [number, number][] = [];
  let damaged = false;
  const group = (): Group =>
    groupOf(schema, rows, (bytes) => {
      const memory = new MemorySource(bytes, "p");
      const read = memory.read.bind(memory);
      memory.read = (from, to) => {
        needed.push([from, to]);
        return damaged ? memory.fail(from, "damaged") : read(from, to);
      };
      return memory;
    });
  const touched = (predicate: Predicate): Set<number> => {
    needed.length = 0;
    kept(schema, group(), predicate);
    return new Set(needed.map(([from]) => from));
  };
  assertEquals(touched(() => true).size, 0);
  const sets = ["n", "f", "t", "u"].map((name) => {
    const set = touched((row) => row[name] === null);
    // As a whole, each value being a byte at least.
    assert(needed.some(([from, to]) => to - from >= 1000));
    return set;
  });
  for (const [k, set] of sets.entries()) {
    assert(set.size > 0);
    for (const other of sets.slice(k + 1)) assertEquals(set.intersection(other).size, 0);
  }
  assertEquals(touched((row) => row.n === 500 && row.f === 1), sets[0]);
  // A predicate of few rows reads only what these hold.
  needed.length = 0;
  ask(schema, (row) => row.n === 1 && row.f !== 0).select(group(), Uint32Array.of(1), 1);
  assert(needed.every(([from, to]) => to - from <= 8));
  damaged = true;
  for (const name of ["n", "f", "t", "u"]) {
    for (const n of [1, 1000]) {
      const all = Uint32Array.from({ length: 1000 }, (_, i) => i);
      const { select: keep } = ask(schema, (row) => row[name] === null);
      assertThrows(() => keep(group(), all, n), CorruptionError, "damaged");
    }
  }
  damaged = false;
  assertEquals(kept(schema, group(), (row) => row.n === 1), [1, 201, 401, 601, 801]);
});

Deno.test("values that can be changed are another's each time", () => {
  const schema = TableSchema.from({ j: "json", x: "bytes" });
  const group = groupOf(schema, rowsOf(40, () => ["[1]", new Uint8Array([1])]));
  const predicate = (row: View) => {
    assertEquals([row.j, row.x], [[1], new Uint8Array([1])]);
    (row.j as number[]).push(2);
    (row.x as Uint8Array)[0] = 9;
    return true;
  };
  for (let i = 0; i < 2; i++) assertEquals(kept(schema, group, predicate).length, 40);
});
