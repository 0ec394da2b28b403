/**
 * The table file: what is read of it, what damage costs, how it is copied.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { CorruptionError } from "../../../engine/system/errors.ts";
import { openExtent } from "../../../engine/segment/extent.ts";
import { GroupBuilder } from "../../../engine/segment/group.ts";
import { TableSchema } from "../../../engine/schema/schema.ts";
import { Segment } from "../../../engine/segment/segment.ts";
import { SegmentWriter } from "../../../engine/segment/segment_writer.ts";
import { Disk } from "../../helpers/crash_file.ts";
import { Checksum } from "../../../engine/bytes/checksum.ts";

const SUMS = new Checksum(new Uint8Array(16).fill(7));
const SCHEMA = TableSchema.from({ name: "string", n: "integer" });
const ROWS = 3000;
const PATH = "/t";

/** What row `id` holds: in no order, so that nothing is left out. */
function valuesOf(id: number): [name: string, n: number] {
  const n = id * 7919 % 100_003;
  return [`name ${n}`, n];
}

/** A table of some groups. */
function writeTable(groups: number, generation = 1): Disk {
  const disk = new Disk();
  const file = disk.process().open(PATH, "createNew");
  const out = new SegmentWriter(file, SUMS, generation, 4);
  for (let i = 0; i < groups; i++) {
    const builder = new GroupBuilder(SCHEMA.fields);
    for (let id = i * ROWS; id < (i + 1) * ROWS; id++) {
      builder.add(id, { version: 0, values: valuesOf(id) });
    }
    const { group, first, last } = builder.build();
    out.add(group, first, last);
  }
  out.finish({ schema: SCHEMA, nextId: groups * ROWS + 5, sequence: 9 });
  return disk;
}

function openTable(disk: Disk, generation = 1, sums = SUMS): Segment {
  return new Segment(disk.process().open(PATH, "read"), sums, generation);
}

function rowOf(table: Segment, id: number) {
  const group = table.groups[Math.floor(id / ROWS)]!.open();
  return group.row(group.indexOf(id), SCHEMA.fields);
}

/** How much is read from the disk while `fn` runs. */
function readsOf(disk: Disk, fn: () => void): number {
  let reads = 0;
  disk.before = ({ name }) => {
    if (name === "readAt") reads++;
  };
  fn();
  disk.before = () => {};
  return reads;
}

Deno.test("Table opens with the same few reads whatever the number of rows", () => {
  for (const groups of [0, 1, 20]) {
    const disk = writeTable(groups);
    let table: Segment | undefined;
    assertEquals(readsOf(disk, () => table = openTable(disk)), 1);
    const { rows, nextId, sequence, nextGroup, schema } = table!;
    assertEquals([rows, nextId, sequence, nextGroup], [groups * ROWS, rows + 5, 9, 4 + groups]);
    assertEquals(schema.difference(SCHEMA), undefined);
  }
});

Deno.test("Table reads and verifies only the pages that a row stands on", () => {
  const disk = writeTable(2);
  const { at, length } = openTable(disk).groups[1]!;
  const id = ROWS + 1234;
  const row = { version: 0, values: valuesOf(id) };
  assertEquals(rowOf(openTable(disk), id), row);
  // Of all pages damaged one by one, few are in the way of one row.
  let told = 0;
  const pages = Math.ceil(length / 4096);
  assert(pages > 10);
  for (let page = 0; page < pages; page++) {
    const damaged = disk.killed();
    damaged.flip(PATH, at + page * 4096 + 17);
    const table = openTable(damaged);
    assertEquals(rowOf(table, 5).values, valuesOf(5));
    try {
      assertEquals(rowOf(table, id), row);
    } catch (error) {
      assert(error instanceof CorruptionError);
      assertEquals([error.file, error.offset], [PATH, at + page * 4096]);
      told++;
    }
    assertThrows(() => table.copyOf(1), CorruptionError);
  }
  assert(told > 0 && told <= 5);
  const table = openTable(disk);
  rowOf(table, id);
  assertEquals(readsOf(disk, () => rowOf(table, id)), 0);
});

Deno.test("Table keeps so many bytes in memory as it is told, of those read last", () => {
  const groups = 20;
  const disk = writeTable(groups);
  const bytes = openTable(disk).bytes;
  const readAll = (table: Segment) => {
    for (const part of table.groups) for (const c of part.open().columns(SCHEMA.fields)) c.load();
  };
  const readsAgain = (cacheBytes: number) => {
    const table = new Segment(disk.process().open(PATH, "read"), SUMS, 1, cacheBytes);
    readAll(table);
    return readsOf(disk, () => readAll(table));
  };
  // Reads of what stands behind it, of lengths, of texts, of numbers.
  assertEquals(readsAgain(0), groups * 4);
  assertEquals(readsAgain(bytes / 2), groups * 4);
  // Whole pages are read, some for two parts.
  assertEquals(readsAgain(bytes * 2), 0);
  // Half of them are there.
  const table = new Segment(disk.process().open(PATH, "read"), SUMS, 1, bytes / 2);
  readAll(table);
  const last = () => rowOf(table, groups * ROWS - 1);
  assertEquals(readsOf(disk, last), 0);
  assert(readsOf(disk, () => rowOf(table, 0)) > 0);
});

Deno.test("openExtent() tells how much of it is kept, whether in pages or larger pieces", () => {
  const disk = writeTable(1);
  const [entry] = openTable(disk).groups;
  let kept = 0;
  const file = disk.process().open(PATH, "read");
  const { source, trailer } = openExtent(file, SUMS, entry!, (bytes) => kept += bytes);
  assertEquals(kept, trailer.length);
  source.read(5000, 5008);
  source.read(5008, 5016);
  assertEquals(kept, trailer.length + 4096);
  source.read(entry!.length - 8, entry!.length);
  assertEquals(kept, trailer.length + 4096 + entry!.length % 4096);
  source.read(0, entry!.length);
  // The first page and the last one besides, by themselves: a view would keep the rest, too.
  assertEquals(kept, trailer.length + entry!.length + 4096 + entry!.length % 4096);
  for (const at of [0, entry!.length - 8]) {
    assert(source.read(at, at + 8).buffer.byteLength <= 4096, "a page keeps a larger piece");
  }
});

Deno.test("openExtent() verifies a page once, also where two pieces share it", () => {
  const disk = writeTable(1);
  const [entry] = openTable(disk).groups;
  const file = disk.process().open(PATH, "read");
  const { source } = openExtent(file, SUMS, entry!, () => {});
  const whole = openExtent(file, SUMS, entry!, () => {}).source.read(0, entry!.length).slice();
  assertEquals(source.read(0, 5000), whole.subarray(0, 5000));
  disk.flip(PATH, entry!.at + 4096 + 1000);
  assertEquals(source.read(5000, 9000), whole.subarray(5000, 9000));
  assertEquals(source.read(4096, 4100), whole.subarray(4096, 4100));
  disk.flip(PATH, entry!.at + 2 * 4096 + 4000);
  assertEquals(source.read(8192, 12_288), whole.subarray(8192, 12_288));
  const { length } = entry!;
  assertThrows(
    () => openExtent(file, SUMS, entry!, () => {}).source.read(0, length),
    CorruptionError,
  );
});

Deno.test("Table tells every damaged byte of what it needs to open, or of a group when it is read", () => {
  const disk = writeTable(2);
  const { at, length } = openTable(disk).groups[1]!;
  const { length: size } = disk.image().get(PATH)!;
  for (let i = at + length; i < size; i++) {
    const damaged = disk.killed();
    damaged.flip(PATH, i);
    assertThrows(() => rowOf(openTable(damaged), ROWS), CorruptionError, PATH, `byte ${i}`);
  }
  for (const short of [0, 10, 40, size - 1]) {
    const cut = new Disk();
    cut.process().open(PATH, "createNew").writeAt(disk.image().get(PATH)!.subarray(0, short), 0);
    assertThrows(() => openTable(cut), CorruptionError);
  }
  assertThrows(() => openTable(disk, 2), CorruptionError);
  assertThrows(() => openTable(disk, 1, new Checksum(new Uint8Array(16))), CorruptionError);
});

Deno.test("TableWriter.copy() takes groups to another generation as they are, and no damage", () => {
  const disk = writeTable(3);
  const from = openTable(disk);
  const files = disk.process();
  const file = files.open("/copy", "createNew");
  const out = new SegmentWriter(file, SUMS, 2, from.nextGroup);
  for (const i of [0, 2]) out.copy(from, i);
  out.finish(from);
  const copy = new Segment(file, SUMS, 2);
  assertEquals(copy.groups.map((group) => [group.number, group.first]), [[4, 0], [6, 2 * ROWS]]);
  assertEquals(copy.nextGroup, 7);
  const group = copy.groups[1]!.open();
  assertEquals(
    group.row(group.indexOf(2 * ROWS + 7), SCHEMA.fields).values,
    valuesOf(2 * ROWS + 7),
  );
  disk.flip(PATH, from.groups[1]!.at);
  assertThrows(() => out.copy(openTable(disk), 1), CorruptionError);
});

Deno.test("Table stays open until nobody has it pinned", () => {
  const disk = writeTable(1);
  const files = disk.process();
  const table = new Segment(files.open(PATH, "read"), SUMS, 1);
  table.pin();
  table.retire();
  assertEquals([table.closed, files.opened.size], [false, 1]);
  assertEquals(rowOf(table, 3).values, valuesOf(3));
  table.unpin();
  assertEquals([table.closed, files.opened.size], [true, 0]);
});

Deno.test("Table.hold() shares it with others who read, until it is closed or removed", () => {
  const disk = writeTable(1);
  const files = disk.process();
  const [one, two] = [openTable(disk), openTable(disk)];
  assertEquals([one.hold(files), two.hold(files)], [true, true]);
  const file = files.open(PATH, "read");
  one.close();
  assertEquals(file.tryLock(), false);
  two.close();
  assertEquals(file.tryLock(), true);
  const late = openTable(disk);
  assertEquals(late.hold(files), false);
  files.remove(PATH);
  file.close();
  assertEquals(late.hold(files), false);
});

Deno.test("TableWriter.bytes grows with each piece of an index: it is synced as it grows", () => {
  const file = new Disk().process().open(PATH, "createNew");
  const out = new SegmentWriter(file, SUMS, 1, 0);
  const order = Uint32Array.from({ length: 100_000 }, (_, i) => i ^ 1);
  let before = out.bytes;
  for (const _ of out.addIndex(SCHEMA.field("n"), 0, order, [])) {
    assert(out.bytes - before >= 2 ** 16, `${out.bytes - before} bytes`);
    before = out.bytes;
  }
  assert(out.bytes > before);
  assertEquals(out.bytes, file.size());
});
