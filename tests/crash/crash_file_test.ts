/**
 * The disk in memory itself: what a power cut may leave of it, all of that, and no more.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Disk, random, SECTOR } from "../helpers/crash_file.ts";
import { powerCuts } from "../helpers/power_cut.ts";

const FILE = "/dir/file";

/** A file of two sectors, on disk. */
function synced(): Disk {
  const disk = new Disk();
  const files = disk.process();
  files.makeDir("/dir");
  const file = files.open(FILE, "createNew");
  file.writeAt(new Uint8Array(2 * SECTOR), 0);
  file.syncSync();
  files.syncDir("/dir");
  files.syncDir("/");
  return disk;
}

/** What is left of the file: its size, and the first byte of each sector; "none" without it. */
function left(disk: Disk, most = 1000): string[] {
  return [...powerCuts(disk, most, random(1))].map((cut) => {
    const bytes = cut.image().get(FILE);
    if (bytes === undefined) return "none";
    return [bytes.length, ...bytes.filter((_, at) => at % SECTOR === 0)].join(" ");
  }).sort();
}

Deno.test("powerCuts() leaves each unsynced sector as it was at any time, on its own", () => {
  const disk = synced();
  assertEquals(left(disk), ["1024 0 0"]);
  const file = disk.process().open(FILE, "write");
  for (const value of [1, 2]) file.writeAt(new Uint8Array([value]), 0);
  file.writeAt(new Uint8Array([3]), SECTOR);
  const all = ["1024 0 0", "1024 0 3", "1024 1 0", "1024 1 3", "1024 2 0", "1024 2 3"];
  assertEquals(left(disk), all);
  const some = left(disk, 5);
  assert(some.length <= 5 && some.includes(all[0]!) && some.includes(all[5]!));
  file.syncSync();
  assertEquals(left(disk), ["1024 2 3"]);
});

Deno.test("powerCuts() leaves zeros, noise or another file's bytes where a file grew", () => {
  const disk = synced();
  const files = disk.process();
  const other = files.open("/dir/other", "createNew");
  other.writeAt(new Uint8Array(3 * SECTOR).fill(7), 0);
  other.syncSync();
  files.syncDir("/dir");
  files.open(FILE, "write").writeAt(new Uint8Array([9]), 2 * SECTOR);
  const noise = (2 * 59 + 13) % 256;
  const grown = [0, 7, 9, noise].map((value) => `1536 0 0 ${value}`);
  // One byte was written: the sector is not there as a whole.
  assertEquals(
    left(disk),
    ["1024 0 0", ...grown.map((text) => text.replace("1536", "1025"))].sort(),
  );
});

Deno.test("powerCuts() leaves each name that is not synced, or what it was before, on its own", () => {
  const disk = synced();
  const files = disk.process();
  files.rename(FILE, "/dir/renamed");
  const names = [...powerCuts(disk, 1000, random(1))].map((cut) => {
    return [...cut.image().keys()].filter((name) => name !== "/dir").join();
  });
  assertEquals(names.sort(), ["", "/dir/file", "/dir/file,/dir/renamed", "/dir/renamed"]);
  files.syncDir("/dir");
  assertEquals(left(disk), ["none"]);
});

Deno.test("Disk.torn() leaves so many bytes of the last write, and no longer file", () => {
  const disk = synced();
  disk.process().open(FILE, "write").writeAt(new Uint8Array(SECTOR).fill(5), 2 * SECTOR - 8);
  for (const [bytes, size] of [[4, 1024], [8, 1024], [9, 1025], [SECTOR, 1528]] as const) {
    const file = disk.torn(bytes).image().get(FILE)!;
    assertEquals([file.length, file.filter((byte) => byte === 5).length], [size, bytes]);
  }
});
