/**
 * When a frame that fails is damage, and when it is a commit that nobody was told of.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { CorruptionError, WriteError } from "../../../engine/system/errors.ts";
import { type Disk, OLDEST, SECTOR } from "../../helpers/crash_file.ts";
import { look, newDisk, open } from "../../helpers/crash_run.ts";

const LOG = "/people/000001.log";

/** Writes into the log, past all that psbase does. */
function scribble(disk: Disk, bytes: Uint8Array, at: number): void {
  const files = disk.process();
  files.open(LOG, "write").writeAt(bytes, at);
  files.kill();
}

/** A disk with commits of one process, and where each frame begins. */
function committed(...names: string[]): { disk: Disk; starts: number[] } {
  const disk = newDisk();
  const base = open(disk.process());
  const starts = names.map((name) => {
    const start = base.stats().logBytes;
    base.insertSync({ name });
    return start;
  });
  return { disk, starts: [...starts, base.stats().logBytes] };
}

/** Makes all marks unreadable. */
function loseMark(disk: Disk): void {
  scribble(disk, new Uint8Array(4096 - 1024), 1024);
}

function assertDamaged(disk: Disk, offset: number): void {
  const error = assertThrows(() => look(disk), CorruptionError);
  assertEquals([error.file, error.offset], [LOG, offset]);
}

Deno.test("Log.read() asks the mark anew when a frame fails", () => {
  const disk = newDisk();
  const reader = open(disk.process());
  open(disk.process()).insertSync({ name: "a" });
  disk.flip(LOG, 4096 + 60);
  assertEquals(assertThrows(() => reader.size, CorruptionError).offset, 4096);
  // Not once only.
  assertThrows(() => reader.size, CorruptionError);
  assertThrows(() => reader.insertSync({ name: "b" }), CorruptionError);
});

Deno.test("Log.read() tells a frame that is gone though the mark has it", () => {
  const { disk, starts } = committed("a", "b");
  scribble(disk, new Uint8Array(starts[2]! - starts[1]!), starts[1]!);
  assertDamaged(disk, starts[1]!);
});

Deno.test("Log.read() goes by the headers of later frames where the mark is lost", () => {
  const { disk, starts } = committed("a", "b", "c");
  loseMark(disk);
  // What the last frame says of the one before counts though it is torn itself.
  disk.flip(LOG, starts[2]! + 50);
  assertEquals(JSON.parse(look(disk.killed()))[1].length, 2);
  disk.flip(LOG, starts[1]! + 50);
  assertDamaged(disk, starts[1]!);
});

Deno.test("Log.read() takes a frame for torn that nobody knew to be on disk", () => {
  const { disk, starts } = committed("a", "b");
  loseMark(disk);
  disk.flip(LOG, starts[1]! + 50);
  const readOnly = open(disk.process(), { readOnly: true });
  const tail = { file: LOG, offset: starts[1]!, bytes: starts[2]! - starts[1]! };
  assertEquals([readOnly.size, readOnly.recovered], [1, tail]);
  assert(disk.image().get(LOG)!.subarray(starts[1]!).some((byte) => byte !== 0));
  const base = open(disk.process());
  assertEquals([base.size, base.recovered, base.stats().recovered], [1, tail, tail]);
  assert(disk.image().get(LOG)!.subarray(starts[1]!).every((byte) => byte === 0));
  assertEquals(open(disk.process()).recovered, null);
});

Deno.test("Log.read() finds a tail of which the beginning is lost", () => {
  const { disk, starts } = committed("a");
  scribble(disk, new Uint8Array([1, 2, 3]), starts[1]! + SECTOR);
  const tail = { file: LOG, offset: starts[1]!, bytes: SECTOR + 3 };
  assertEquals(open(disk.process()).recovered, tail);
  assertEquals(open(disk.process()).recovered, null);
});

Deno.test("Log.read() tells of no damage while a commit is being written", () => {
  const disk = newDisk();
  let half: Disk | undefined;
  disk.after = ({ name, path }) => {
    if (name === "writeAt" && path === LOG && disk.lastWrite > 100) half ??= disk.torn(90);
  };
  const writer = open(disk.process());
  writer.insertSync({ name: "x".repeat(100) });
  const whole = disk.image().get(LOG)!;
  let operations = Infinity;
  for (let turn = 0; turn < operations; turn++) {
    const racing = half!.killed();
    const reader = racing.process();
    let n = 0;
    racing.before = () => {
      if (n++ !== turn) return;
      const { before } = racing;
      racing.before = () => {};
      scribble(racing, whole, 0);
      racing.before = before;
    };
    const base = open(reader, { readOnly: true });
    assert(base.size <= 1);
    operations = n;
    base[Symbol.dispose]();
  }
  assert(operations > 8);
});

Deno.test("Log.read() believes no length that its header does not vouch for", () => {
  const { disk, starts } = committed("a");
  const length = new Uint8Array(new Uint32Array([0xfffffff8, 1]).buffer);
  scribble(disk, length, starts[1]!);
  // Nor that something is on disk.
  scribble(disk, new Uint8Array([0, 0, 1]), starts[1]! + 32);
  assertEquals(open(disk.process()).recovered?.offset, starts[1]);
});

Deno.test("Log.append() vouches for no bytes that are not what was read", () => {
  const disk = newDisk();
  const relaxed = open(disk.process(), { durability: "relaxed" });
  for (const name of ["lost", "kept"]) relaxed.insertSync({ name: name.padEnd(SECTOR) });
  const other = open(disk.process());
  assertEquals(other.size, 2);
  // The first of them did not get to the disk, and the kernel dropped it.
  scribble(disk, new Uint8Array(SECTOR), 4096);
  const error = assertThrows(() => other.insertSync({}), WriteError, "try again");
  assertEquals(error.outcome, "none");
  const id = other.insertSync({ name: "acknowledged" });
  const [, rows] = JSON.parse(look(disk.cut(OLDEST)));
  assertEquals(rows.map((row: { __id__: number }) => row.__id__), [id]);
});

Deno.test("Log grows ahead of use, with room for a seal", () => {
  const disk = newDisk();
  const base = open(disk.process());
  const sizes = new Set<number>();
  for (let i = 0; i < 300; i++) {
    base.insertSync({ name: "x".repeat(i) });
    const { length } = disk.image().get(LOG)!;
    sizes.add(length);
    assert(length >= base.stats().logBytes + 64);
  }
  assert(sizes.size < 10);
});
