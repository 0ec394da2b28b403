/**
 * Figures of many rows against those that a loop over plain rows makes, wherever the
 * rows stand: in the table, in the log, in batches, changed, deleted.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  avg,
  compileAggregates,
  decodeAttribute,
  distinct,
  extreme,
  groupBy,
  sum,
} from "../../../engine/query/aggregate.ts";
import { compile, sortableOf } from "../../../engine/query/query.ts";
import { count } from "../../../engine/query/scan.ts";
import { type Attribute, attributeType, type StoredRow } from "../../../engine/schema/field_def.ts";
import { TableSchema } from "../../../engine/schema/schema.ts";
import { GroupBuilder } from "../../../engine/segment/group.ts";
import type { Origin } from "../../../engine/snapshot/origin.ts";
import { Snapshot } from "../../../engine/snapshot/snapshot.ts";
import { Segment } from "../../../engine/segment/segment.ts";
import { SegmentWriter } from "../../../engine/segment/segment_writer.ts";
import type { TypeName } from "../../../engine/schema/types.ts";
import type { Stored } from "../../../engine/schema/values.ts";
import { Disk } from "../../helpers/crash_file.ts";
import { anyCondition, anyValue, compareValues, SORTABLE } from "../../helpers/model.ts";
import { newSeed, type Random, randomFrom } from "../../helpers/random.ts";
import { Checksum } from "../../../engine/bytes/checksum.ts";

const SUMS = new Checksum(new Uint8Array(16).fill(7));

type Row = Record<string, unknown>;
type Types = Readonly<Record<string, TypeName>>;

/** Rows at one commit point, and the same as plain objects in id order. */
interface Both {
  readonly schema: TableSchema;
  readonly state: Snapshot;
  readonly rows: readonly Row[];
}

function storedRow(schema: TableSchema, row: Row): StoredRow {
  return { version: 0, values: schema.encodeInsert(row) };
}

/** Rows, some of them in each place where a row can stand; in groups of at most so many. */
function bothOf(random: Random, types: Types, rows: readonly Row[], inGroup = 16_384): Both {
  const schema = TableSchema.from(types);
  const [inTable, inBatch] = random.pick([[1, 1], [0, 1], [0, 0], [0.5, 0.8], [0.6, 0.6]]);
  const [table, batch] = [inTable, inBatch].map((part) => Math.floor(part! * rows.length));
  const file = new Disk().process().open("/t", "createNew");
  const out = new SegmentWriter(file, SUMS, 1, 0);
  const groups = (from: number, to: number) => {
    const encoded = [];
    for (; from < to; from += inGroup) {
      const builder = new GroupBuilder(schema.fields);
      for (let id = from; id < Math.min(from + inGroup, to); id++) {
        builder.add(id, storedRow(schema, rows[id]!));
      }
      encoded.push(builder.build());
    }
    return encoded;
  };
  for (const { group, first, last } of groups(0, table!)) out.add(group, first, last);
  out.finish({ schema, nextId: table!, sequence: 0, indexes: [] } as never);
  const origin = { table: "base" } as Origin;
  const state = new Snapshot(new Segment(file, SUMS, 1), "/log", origin);
  for (const { group, first } of groups(table!, batch!)) {
    state.batch(first, group.directory, group.bytes);
  }
  for (let id = batch!; id < rows.length; id++) state.put(id, storedRow(schema, rows[id]!));
  return { schema, state, rows: rows.map((row, i) => ({ __id__: i, __version__: 0, ...row })) };
}

/** Changes rows, and removes some. */
function changed(random: Random, { schema, state, rows }: Both, values: () => Row): Both {
  const kept: Row[] = [];
  for (const row of rows) {
    const id = row.__id__ as number;
    const what = random.below(10);
    if (what === 0) state.delete(id);
    else if (what === 1) {
      const changes = values();
      state.put(id, { version: 3, values: schema.encodeInsert(changes) });
      kept.push({ ...changes, __id__: id, __version__: 3 });
    } else kept.push(row);
  }
  return { schema, state, rows: kept };
}

const TYPES: Types = Object.fromEntries(SORTABLE.map((type) => [type, type]));

/** Makers of rows: columns of one value, of few, of many, with and without nulls. */
function rowMaker(random: Random): () => Row {
  const makers = SORTABLE.map((type) => {
    // The sum of the greatest floats depends on the order of the rows.
    const value = () => {
      const value = anyValue(random, type);
      return value === Number.MAX_VALUE ? -12.25 : value;
    };
    const pool = Array.from({ length: random.pick([1, 3, 10, 300]) }, value);
    const few = random.chance(0.7);
    const nulls = random.pick([0, 0, 0.2, 0.2, 1]);
    return () => random.chance(nulls) ? null : few ? random.pick(pool) : value();
  });
  return () => Object.fromEntries(SORTABLE.map((type, i) => [type, makers[i]!()]));
}

const plus = (type: TypeName, values: readonly unknown[]) => {
  if (type !== "float") {
    const sum = values.reduce((sum: bigint, value) => sum + BigInt(value as number), 0n);
    return type === "bigint" ? sum : Number(sum);
  }
  return (values as number[]).reduce((sum, value) => sum + value, 0);
};

function assertClose(got: unknown, expected: number, size: number, told: string): void {
  assert(typeof got === "number", told);
  if (Object.is(got, expected) || got === expected) return;
  assert(Math.abs(got - expected) <= size * 1e-12, `${told}: ${got} is not near ${expected}`);
}

function assertSame(type: TypeName, got: unknown, expected: unknown, told: string): void {
  assert(
    got === null || expected === null ? got === expected : compareValues(type, got, expected) === 0,
    `${told}: ${Deno.inspect(got)} is not ${Deno.inspect(expected)}`,
  );
  assert(!Object.is(got, -0), `${told}: -0`);
}

/** The different values, in order. */
function differentOf(type: TypeName, rows: readonly Row[], name: string): unknown[] {
  const sorted = rows.map((row) => row[name]).sort((a, b) => compareValues(type, a, b));
  return sorted.filter((value, i) => i === 0 || compareValues(type, value, sorted[i - 1]) !== 0);
}

function give(state: Snapshot, column: Attribute, value: Stored | null): unknown {
  return decodeAttribute(state, column, value);
}

/** All aggregates of a field over rows that match, told by the model. */
function modelOf(type: TypeName, rows: readonly Row[]) {
  const present = rows.map((row) => row[type]).filter((value) => value !== null);
  const sorted = present.toSorted((a, b) => compareValues(type, a, b));
  const numeric = ["integer", "float", "bigint"].includes(type);
  const sum = numeric ? plus(type, present) : undefined;
  const sizes = numeric ? present.map((value) => Math.abs(Number(value))) : [];
  return {
    sum,
    size: sizes.reduce((size, one) => size + one, 0),
    avg: present.length === 0 ? null : Number(sum) / present.length,
    min: sorted[0] ?? null,
    max: sorted.at(-1) ?? null,
  };
}

Deno.test("aggregates are what a loop over plain rows makes, wherever the rows stand", () => {
  const seed = newSeed();
  const random = randomFrom(seed);
  for (let round = 0; round < 8; round++) {
    const make = rowMaker(random);
    const length = random.pick([0, 1, 40, 700, 1500]);
    const rows = Array.from({ length }, make);
    let both = bothOf(random, TYPES, rows, random.pick([100, 1200]));
    if (random.chance(0.6)) both = changed(random, both, make);
    const { schema, state } = both;
    for (let i = 0; i < 6; i++) {
      const asked = random.pick(SORTABLE);
      const { wanted, test } = anyCondition(random, asked);
      const how = random.below(4);
      const matches = (row: Row) => how === 0 || test(row[asked]);
      // Several conditions: the second goes on with what the first found.
      const where = how === 0 ? undefined : how === 1 ? { [asked]: wanted, __id__: { gte: 0 } } : {
        ...(how === 2 && { __version__: { gte: 0 } }),
        [asked]: wanted,
      };
      const query = compile(schema, where);
      const expected = both.rows.filter(matches);
      const told = `seed ${seed} round ${round}.${i} where ${Deno.inspect(where)}`;
      assertEquals(count(state, query), expected.length, told);
      for (const type of SORTABLE) {
        const field = schema.field(type);
        const model = modelOf(type, expected);
        const of = `${told} of ${type}`;
        for (const which of ["min", "max"] as const) {
          const got = give(state, field, extreme(state, query, field, which));
          assertSame(type, got, model[which], `${of} ${which}`);
        }
        const values = distinct(state, query, field).map((value) => give(state, field, value));
        const different = differentOf(type, expected, type);
        assertEquals(values.length, different.length, of);
        values.forEach((value, k) => assertSame(type, value, different[k], of));
        if (model.sum === undefined) continue;
        if (type === "integer" && !Number.isSafeInteger(model.sum)) {
          assertThrows(() => sum(state, query, field), RangeError, "within ±(2^53 - 1)");
        } else if (type !== "float") assertEquals(sum(state, query, field), model.sum, of);
        else assertClose(sum(state, query, field), model.sum as number, model.size, of);
        const mean = avg(state, query, field);
        if (model.avg === null || type !== "float") assertEquals(mean, model.avg, of);
        else assertClose(mean, model.avg, model.size, of);
      }
      assertGroups(random, both, query, expected, told);
    }
  }
});

function assertGroups(
  random: Random,
  { schema, state }: Both,
  query: ReturnType<typeof compile>,
  rows: readonly Row[],
  told: string,
): void {
  const type = random.pick(SORTABLE);
  const [low, high, mean] = [SORTABLE, SORTABLE, ["integer", "float", "bigint"] as const]
    .map((types) => random.pick(types));
  const aggregates = {
    n: "count",
    low: ["min", low],
    high: ["max", high],
    mean: ["avg", mean],
    total: ["sum", "bigint"],
  };
  const key = schema.field(type);
  const groups = groupBy(state, query, key, compileAggregates(schema, key, aggregates));
  const by = `${told} by ${type} ${Deno.inspect(aggregates)}`;
  const keys = differentOf(type, rows, type);
  assertEquals(groups.length, keys.length, by);
  groups.forEach((group, i) => {
    assertEquals(Object.keys(group), [type, "n", "low", "high", "mean", "total"]);
    assertSame(type, group[type], keys[i], by);
    const own = rows.filter((row) => compareValues(type, row[type], keys[i]) === 0);
    assertEquals(group.n, own.length, by);
    assertSame(low!, group.low, modelOf(low!, own).min, by);
    assertSame(high!, group.high, modelOf(high!, own).max, by);
    assertEquals(group.total, modelOf("bigint", own).sum, by);
    const { avg, size } = modelOf(mean!, own);
    if (avg === null) assertEquals(group.mean, null, by);
    else assertClose(group.mean, avg, size, by);
  });
}

/** A state of one field. */
function of(type: TypeName, values: readonly unknown[], inLog = false): Both {
  const random = { ...randomFrom(1), pick: () => inLog ? [0, 0] : [1, 1] } as unknown as Random;
  return bothOf(random, { f: type }, values.map((f) => ({ f })));
}

function sumOf(type: TypeName, values: readonly unknown[], inLog = false): unknown {
  const { state, schema } = of(type, values, inLog);
  return sum(state, compile(schema, undefined), schema.field("f"));
}

function avgOf(type: TypeName, values: readonly unknown[], inLog = false): unknown {
  const { state, schema } = of(type, values, inLog);
  return avg(state, compile(schema, undefined), schema.field("f"));
}

function extremesOf(values: readonly number[], inLog = false): unknown[] {
  const { state, schema } = of("float", values, inLog);
  const query = compile(schema, undefined);
  return (["min", "max"] as const).map((which) => extreme(state, query, schema.field("f"), which));
}

Deno.test("sum() of integers is exact however large it is on the way, and refused at the end", () => {
  const max = Number.MAX_SAFE_INTEGER;
  for (const inLog of [false, true]) {
    assertEquals(sumOf("integer", [max, max, max, 5, -max, -max, -max], inLog), 5);
    assertEquals(avgOf("integer", [max, max, max - 4, max - 4], inLog), max - 2);
    // Rounded on the way, this would be 2^53, which is even.
    assertEquals(sumOf("integer", [max, 1, 1, -3], inLog), max - 1);
    const many = Array.from({ length: 3000 }, (_, i) => i % 2 === 0 ? max - i : i - max + 1);
    assertEquals(sumOf("integer", many, inLog), 1500 * 2);
    for (const sign of [1, -1]) {
      assertEquals(sumOf("integer", [sign * (max - 1), sign], inLog), sign * max);
      assertThrows(
        () => sumOf("integer", [sign * max, sign], inLog),
        RangeError,
        `the sum is ${sign < 0 ? "-" : ""}9007199254740992, but an integer is within`,
      );
    }
    const large = [2n ** 63n - 1n, 2n ** 63n - 1n, null];
    assertEquals(sumOf("bigint", large, inLog), 2n ** 64n - 2n);
    assertEquals(avgOf("bigint", [2n ** 53n + 1n, 1n], inLog), 2 ** 52 + 1);
  }
});

Deno.test("sum() of floats keeps what each step rounds off, and treats infinities as IEEE does", () => {
  for (const inLog of [false, true]) {
    assertEquals(sumOf("float", [1, 1e100, 1, -1e100], inLog), 2);
    assertEquals(sumOf("float", [1e100, 1, -1e100, 1], inLog), 2);
    assertEquals(sumOf("float", Array.from({ length: 10_000 }, () => 0.1), inLog), 1000);
    assertEquals(avgOf("float", [1e100, 3, -1e100], inLog), 1);
    assertEquals(sumOf("float", [Infinity, 1, 1e308], inLog), Infinity);
    assertEquals(sumOf("float", [1, -Infinity], inLog), -Infinity);
    assertEquals(sumOf("float", [Infinity, -Infinity], inLog), NaN);
    assertEquals(sumOf("float", [NaN, 1], inLog), NaN);
    assertEquals(sumOf("float", [1e308, 1e308], inLog), Infinity);
    assertEquals(avgOf("float", [Infinity, 1], inLog), Infinity);
    assert(Object.is(sumOf("float", [-0], inLog), 0));
  }
});

Deno.test("sums and extremes of nothing are 0 and null", () => {
  for (const values of [[], [null], [null, null]]) {
    for (const inLog of [false, true]) {
      const results = (["integer", "float", "bigint"] as const)
        .map((type) => [sumOf(type, values, inLog), avgOf(type, values, inLog)]);
      assertEquals(results, [[0, null], [0, null], [0n, null]]);
      for (const type of SORTABLE) {
        const { state, schema } = of(type, values, inLog);
        const query = compile(schema, undefined);
        const field = schema.field("f");
        assertEquals(extreme(state, query, field, "min"), null);
        assertEquals(extreme(state, query, field, "max"), null);
        assertEquals(distinct(state, query, field), values.length === 0 ? [] : [null]);
      }
    }
  }
});

Deno.test("min() and max() of floats follow the order of the table: NaN is last, -0 is 0", () => {
  for (const inLog of [false, true]) {
    assertEquals(extremesOf([1, NaN, -1], inLog), [-1, NaN]);
    assertEquals(extremesOf([NaN, NaN], inLog), [NaN, NaN]);
    assertEquals(extremesOf([-Infinity], inLog), [-Infinity, -Infinity]);
    assertEquals(extremesOf([Infinity, NaN], inLog), [Infinity, NaN]);
    assertEquals(extremesOf([-0], inLog).map((value) => Object.is(value, 0)), [true, true]);
  }
});

Deno.test("equal values are one: 0 and -0, NaN, bytes, times", () => {
  const day = Temporal.PlainDateTime.from("2026-07-31T12:00");
  const cases: [TypeName, unknown[], unknown[]][] = [
    ["float", [-0, NaN, 0, null, NaN], [null, 0, NaN]],
    ["bytes", [[1], [], [1]].map((list) => new Uint8Array(list)), [[], [1]]],
    ["datetime", [day, day.add({ nanoseconds: 1 }), day.add({ days: 0 })], [
      day,
      day.add({ nanoseconds: 1 }),
    ]],
  ];
  for (const [type, values, different] of cases) {
    for (const inLog of [false, true]) {
      const { state, schema } = of(type, values, inLog);
      const found = distinct(state, compile(schema, undefined), schema.field("f"));
      const shown = (value: unknown) => value === null ? null : [...`${value}`].join("");
      assertEquals(found.map(shown), different.map(shown));
      assertEquals(found.some((value) => Object.is(value, -0)), false);
    }
  }
});

Deno.test("ranges find the same in words of every width, at their bounds and beyond", () => {
  const seed = newSeed();
  const random = randomFrom(seed);
  const spans = [0, 1, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 40];
  for (const span of spans) {
    for (const base of [0, -7, 2 ** 50, -(2 ** 50), 123_456_789]) {
      const nulls = random.pick([0, 0.3]);
      const inside = () => base + Math.floor((random.below(2 ** 30) / 2 ** 30) * (span + 1));
      const values = [base, base + span, ...Array.from({ length: 900 }, inside)]
        .map((value) => random.chance(nulls) ? null : value);
      const { state, schema } = of(random.pick(["integer", "float"]), values);
      for (let i = 0; i < 40; i++) {
        const near = () => random.pick([base, base + span, inside()]) + random.below(3) - 1;
        const fraction = schema.field("f").type === "float" ? random.pick([0, 0.5, 1e-12]) : 0;
        const [low, high] = [near() + fraction, near() + fraction];
        const wanted = random.pick([[low, high], low, { gt: low }, { lte: high }]) as never;
        const expected = values.filter((value) =>
          value !== null && (
            Array.isArray(wanted)
              ? value >= low && value <= high
              : wanted === low
              ? value === low
              : "gt" in (wanted as object)
              ? value > low
              : value <= high
          )
        );
        const told = `seed ${seed} ${base} + ${span}, ${Deno.inspect(wanted)}`;
        // Alone it is found in all rows, behind another in those that are left.
        for (const where of [{ f: wanted }, { __version__: 0, f: wanted }]) {
          assertEquals(count(state, compile(schema, where)), expected.length, told);
        }
      }
    }
  }
});

Deno.test("text is found in UTF-8 and between its neighbours", () => {
  const texts = ["", "ab", "a", "bab", "ä", "aä", "😀", "b", "\u0000", "aab", "x".repeat(99), "ba"];
  const parts = [...texts, "bb", "aa", "abb", "\ud83d", "\ude00", "ab" + "a", "xx", "€", "¤"];
  for (const ascii of [false, true]) {
    const some = texts.filter((text) => !ascii || /^[\0-\x7f]*$/.test(text));
    for (const many of [1, 700]) {
      for (const nulls of [false, true]) {
        // Each once is a plain column, the same again and again a dictionary.
        for (const plain of [false, true]) {
          const values: (string | null)[] = Array.from(
            { length: some.length * many },
            (_, i) =>
              nulls && i % 5 === 0 ? null : some[i % some.length]! + (plain && many > 1 ? i : ""),
          );
          const { state, schema } = of("string", values);
          for (const part of parts) {
            const tests: Record<string, (text: string) => boolean> = {
              contains: (text) => text.includes(part),
              startsWith: (text) => text.startsWith(part),
              endsWith: (text) => text.endsWith(part),
              ...(part.isWellFormed() && { eq: (text) => text === part }),
            };
            for (const [name, test] of Object.entries(tests)) {
              const expected = values.filter((value) => value !== null && test(value)).length;
              for (
                const where of [{ f: { [name]: part } }, { __version__: 0, f: { [name]: part } }]
              ) {
                assertEquals(
                  count(state, compile(schema, where)),
                  expected,
                  Deno.inspect({ where, ascii, many, nulls, plain }),
                );
              }
            }
          }
        }
      }
    }
  }
});

Deno.test("aggregates of ids and versions", () => {
  const { state, schema } = of("integer", [5, 6, 7]);
  state.put(1, { version: 4, values: [6] });
  const query = compile(schema, undefined);
  assertEquals(extreme(state, query, "__id__", "max"), 2);
  assertEquals(distinct(state, query, "__version__"), [0, 4]);
  const aggregates = compileAggregates(schema, "__version__", {
    n: "count",
    last: ["max", "__id__"],
  });
  assertEquals(groupBy(state, query, "__version__", aggregates), [
    { __version__: 0, n: 2, last: 2 },
    { __version__: 4, n: 1, last: 1 },
  ]);
});

Deno.test("compileAggregates() says what is wrong", () => {
  const schema = TableSchema.from({ s: "string", i: "integer", j: "json" });
  const wrong: [unknown, string][] = [
    [undefined, "it is undefined, expected aggregates by name"],
    ["count", '"count" is a string, expected aggregates by name'],
    [["count"], "it is an array, expected aggregates by name"],
    [{ n: "median" }, 'aggregate "n": "median" is a string, expected "count", or sum, avg, min or'],
    [{ n: ["median", "i"] }, 'aggregate "n": "median" is a string, expected "count", or sum'],
    [{ n: ["count", "i"] }, 'aggregate "n": "count" is a string, expected "count", or sum, avg'],
    [
      { n: "sum" },
      'aggregate "n": "sum" is a string, expected "count", or sum, avg, min or max of',
    ],
    [{ n: ["sum", 5] }, 'aggregate "n": "sum" is a string, expected "count", or sum, avg, min or'],
    [{ n: ["sum", "i", "i"] }, 'aggregate "n": it is an array, expected "count", or sum, avg'],
    [{ n: 5 }, 'aggregate "n": 5 is a number, expected'],
    [{ n: ["sum", "x"] }, 'aggregate "n": there is no field "x", the fields are s, i, j'],
    [{ n: ["sum", "s"] }, 'aggregate "n": field "s" is string, only integer, float and bigint can'],
    [{ n: ["avg", "j"] }, 'aggregate "n": field "j" is json, only integer, float and bigint can'],
    [{ n: ["max", "j"] }, 'aggregate "n": field "j" is json, which has no order'],
    [{ s: "count" }, 'aggregate "s": it has the name of the field to group by'],
    [{ __id__: "count" }, 'aggregate "__id__": names that begin with "_" are reserved'],
  ];
  for (const [aggregates, message] of wrong) {
    const key = sortableOf(schema, "s");
    assertThrows(() => compileAggregates(schema, key, aggregates), TypeError, message);
  }
  assertEquals(attributeType(sortableOf(schema, "i")).name, "integer");
});

Deno.test("groupBy() tells which sum is too large", () => {
  const { state, schema } = of("integer", [Number.MAX_SAFE_INTEGER, 1]);
  const key = "__version__";
  const aggregates = compileAggregates(schema, key, { total: ["sum", "f"] });
  assertThrows(
    () => groupBy(state, compile(schema, undefined), key, aggregates),
    RangeError,
    'aggregate "total": the sum is 9007199254740992',
  );
});
