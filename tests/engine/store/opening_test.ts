/**
 * Opening while a cleanup goes on.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { PsBase } from "../../../base.ts";
import type { Files } from "../../../engine/system/file.ts";
import { tempBase } from "../../helpers/temp_base.ts";
import { denoFiles, withFiles } from "../../../engine/system/deno_file.ts";

Deno.test("PsBase.open() does not take the log that a killed cleanup left for its successor", async () => {
  await using place = tempBase();
  // Killed, as it were, between its renames and its seal.
  const killed: Files = {
    ...denoFiles,
    syncDir(path) {
      if (path === place.path && denoFiles.fileId(`${path}/000002.log`)) {
        throw new Error("killed");
      }
      denoFiles.syncDir(path);
    },
  };
  PsBase.createSync(place.path, { n: "integer" })[Symbol.dispose]();
  {
    using first = withFiles(killed, () => PsBase.openSync(place.path));
    assertThrows(() => first.cleanupSync());
  }
  using other = PsBase.openSync(place.path, { schema: { n: "integer" } });
  other.insertSync({ n: 1 });
  // It has looked at what was left as 2, and before it gets at 1, that is cleaned up for good.
  const overtaken: Files = {
    ...denoFiles,
    open(path, mode) {
      if (path.endsWith("000001.log")) other.cleanupSync();
      return denoFiles.open(path, mode);
    },
  };
  using late = withFiles(
    overtaken,
    () => PsBase.openSync(place.path, { schema: { n: "integer" } }),
  );
  assertEquals(other.stats().generation, 2);
  assertEquals(late.select().map((row) => row.n), [1]);
  late.insertSync({ n: 2 });
  assertEquals(other.select().map((row) => row.n), [1, 2]);
});

Deno.test("PsBase.open() takes no notice of a log of another table that is cut off", async () => {
  await using place = tempBase();
  await using other = tempBase();
  for (const { path } of [place, other]) {
    using base = PsBase.createSync(path, { n: "integer" });
    base.cleanupSync();
  }
  for (const kind of ["table", "log"]) {
    Deno.copyFileSync(`${other.path}/000002.${kind}`, `${place.path}/000003.${kind}`);
  }
  Deno.truncateSync(`${place.path}/000003.log`, 1000);
  using base = PsBase.openSync(place.path);
  assertEquals(base.stats().generation, 2);
});
