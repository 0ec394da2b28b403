/**
 * A commit point against a map, through payloads, groups and cleanups.
 *
 * @module
 */

import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { ChangeWriter, readChanges } from "../../../engine/log/changes.ts";
import { CorruptionError } from "../../../engine/system/errors.ts";
import { WriteBatch } from "../../../engine/write/write_batch.ts";
import { prepareRows } from "../../../engine/write/prepared_rows.ts";
import { EVERYTHING } from "../../../engine/query/query.ts";
import { valueAt } from "../../../engine/snapshot/rows.ts";
import { scan } from "../../../engine/query/scan.ts";
import type { StoredRow } from "../../../engine/schema/field_def.ts";
import { TableSchema } from "../../../engine/schema/schema.ts";
import { Snapshot } from "../../../engine/snapshot/snapshot.ts";
import { Segment } from "../../../engine/segment/segment.ts";
import { SegmentWriter } from "../../../engine/segment/segment_writer.ts";
import { GroupBuilder } from "../../../engine/segment/group.ts";
import { Disk, random } from "../../helpers/crash_file.ts";
import { Checksum } from "../../../engine/bytes/checksum.ts";

const SUMS = new Checksum(new Uint8Array(16).fill(7));
const SCHEMA = TableSchema.from({ name: "string", n: "integer" });

type Model = Map<number, StoredRow>;

function encoded(rows: StoredRow["values"][]) {
  return prepareRows(SCHEMA, rows, (row) => row as StoredRow["values"]).encoded;
}

/** A table of some rows, as a state. */
function tableOf(rows: Model, nextId: number): Snapshot {
  const file = new Disk().process().open("/t", "createNew");
  const out = new SegmentWriter(file, SUMS, 1, 0);
  const builder = new GroupBuilder(SCHEMA.fields);
  let i = 0;
  for (const [id, row] of rows) {
    builder.add(id, row);
    // Several groups, with gaps within and between them.
    if (++i % 20 !== 0 && i < rows.size) continue;
    const { group, first, last } = builder.build();
    out.add(group, first, last);
  }
  out.finish({ schema: SCHEMA, nextId, sequence: 0 });
  return new Snapshot(new Segment(file, SUMS, 1), "/log", { table: "base", links: undefined! });
}

function assertSame(state: Snapshot, model: Model, nextId: number): void {
  const expected = [...model].sort(([a], [b]) => a - b);
  assertEquals([state.size, state.nextId], [model.size, nextId]);
  const found = Array.from(scan(state, EVERYTHING), ({ id }) => id);
  assertEquals(found, expected.map(([id]) => id));
  for (let id = -1; id <= nextId; id++) {
    const place = state.find(id);
    assertEquals(place && state.copy(place), model.get(id), `row ${id}`);
  }
  for (let n = 0; n <= model.size; n++) {
    assertEquals(state.nth(n)?.id, expected[n]?.[0], `at(${n})`);
  }
}

Deno.test("a snapshot does what a map does, also where a payload tells it, and a pinned one stays as it is", () => {
  const seed = Number(Deno.env.get("PSBASE_SEED") ?? 1);
  const next = random(seed);
  const below = (n: number) => Math.floor(next() * n);
  for (let round = 0; round < 12; round++) {
    const model: Model = new Map();
    let nextId = 0;
    for (let i = 0; i < below(80); i++, nextId += 1 + below(3)) {
      model.set(nextId, { version: below(2), values: [`t${nextId}`, below(5)] });
    }
    let state = tableOf(model, nextId);
    const theirs = tableOf(model, nextId);
    assertSame(state, model, nextId);
    for (let commit = 0; commit < 40; commit++) {
      const pinned = next() < 0.1 ? state : undefined;
      const before = new Map(model);
      const idBefore = nextId;
      pinned?.pin();
      const draft = new WriteBatch(state, "/dir");
      for (let i = below(4); i >= 0; i--) {
        const ids = [...model.keys()];
        const id = ids[below(ids.length)];
        const what = next();
        if (what < 0.1) {
          const values = Array.from({ length: 64 + below(10) }, () => [`b${below(9)}`, below(9)]);
          assertEquals(draft.insert(encoded(values)), nextId);
          for (const row of values) model.set(nextId++, { version: 0, values: row });
          // A batch ends the commit: ids within it are not looked up before it is applied.
          break;
        } else if (what < 0.5 || id === undefined) {
          const values = [next() < 0.2 ? null : "s", below(9)];
          assertEquals(draft.insert(encoded([values])), nextId);
          model.set(nextId++, { version: 0, values });
        } else if (what < 0.75) {
          const row = { version: model.get(id)!.version + 1, values: ["u", null] };
          draft.put(id, row);
          model.set(id, row);
        } else {
          assertEquals([draft.delete(id), draft.delete(id)], [true, false]);
          model.delete(id);
        }
      }
      readChanges(draft.finish(), theirs);
      state = draft.apply();
      assertSame(state, model, nextId);
      assertSame(theirs, model, nextId);
      if (pinned === undefined) continue;
      assertSame(pinned, before, idBefore);
      pinned.unpin();
    }
  }
});

Deno.test("readChanges() gives back rows of every type, and fields that change on the way", () => {
  const types = {
    s: "string",
    i: "integer",
    f: "float",
    o: "boolean",
    b: "bigint",
    d: "date",
    t: "time",
    dt: "datetime",
    ts: "timestamp",
    by: "bytes",
  } as const;
  const schema = TableSchema.from(types);
  const day = Temporal.PlainDateTime.from("-001234-02-28T00:00:00.000000001");
  const full = [
    "ü",
    -5,
    -0.5,
    1,
    -(2n ** 63n),
    -9999,
    86_399_999_999_999,
    day,
    -1,
    new Uint8Array(3),
  ];
  const rows: [number, StoredRow][] = [
    [0, { version: 0, values: full }],
    [2 ** 52, { version: 2 ** 40, values: full.map(() => null) }],
    [7, { version: 1, values: full.map((value, i) => i % 2 === 0 ? value : null) }],
  ];
  const out = new ChangeWriter(schema);
  for (const [id, row] of rows) out.put(id, row);
  const less = TableSchema.from({ s: "string" });
  out.alter(less);
  out.put(8, { version: 0, values: ["only"] });
  out.delete(7);
  const heard: unknown[] = [];
  readChanges(out.payload, {
    schema,
    put: (id, row) => heard.push([id, row]),
    delete: (id) => heard.push(["delete", id]),
    batch: () => heard.push("batch"),
    alter(schema) {
      (this as { schema: TableSchema }).schema = schema;
      heard.push(schema.difference(less));
    },
  });
  const only = [8, { version: 0, values: ["only"] }];
  assertEquals(heard, [...rows, undefined, only, ["delete", 7]]);
});

Deno.test("readChanges() refuses what makes no sense, whatever it is", () => {
  const next = random(1);
  const out = new ChangeWriter(SCHEMA);
  out.put(3, { version: 1, values: ["text", 5] });
  out.delete(3);
  const { payload } = out;
  for (let i = 0; i < 3000; i++) {
    const damaged = payload.slice(0, 1 + Math.floor(next() * payload.length));
    damaged[Math.floor(next() * damaged.length)] = Math.floor(next() * 256);
    try {
      readChanges(damaged, tableOf(new Map(), 0));
    } catch (error) {
      const known = [RangeError, TypeError, SyntaxError, CorruptionError];
      if (!known.some((type) => error instanceof type)) throw error;
    }
  }
  assertThrows(() => readChanges(new Uint8Array([9]), tableOf(new Map(), 0)), RangeError);
});

Deno.test("a write batch that is dropped leaves no column of the field that it gave values to", () => {
  const rows: Model = new Map();
  for (let id = 0; id < 40; id++) rows.set(id, { version: 0, values: [`${id}`, null] });
  const state = tableOf(rows, 40);
  state.schema = SCHEMA.withIndex("name", { unique: true });
  const dropped = new WriteBatch(state, "/dir");
  dropped.alter(state.schema.withType("name", "integer"));
  dropped.put(0, { version: 1, values: [null, null, 7] });
  assertNotEquals(dropped.finish().length, 0);
  // The next field gets the same number, and its rows have its default.
  const next = new WriteBatch(state, "/dir");
  next.alter(state.schema.withField("more", { type: "integer", default: 5 }, { empty: false }));
  const after = next.apply();
  assertEquals(valueAt(after.find(3)!, after.schema.field("more")), 5);
});
