/**
 * The seam itself, on the real file system.
 *
 * @module
 */

import { assertThrows } from "@std/assert";
import { denoFiles } from "../../../engine/system/deno_file.ts";

/** Where nothing is in memory, reading it fails with EIO. */
const MEMORY = `/proc/${Deno.pid}/mem`;

Deno.test({
  name: "File.readAt() names the file that the system does not read (needs Linux)",
  ignore: Deno.build.os !== "linux",
  fn() {
    const file = denoFiles.open(MEMORY, "read");
    try {
      assertThrows(() => file.readAt(new Uint8Array(8), 0), Error, `: read '${MEMORY}'`);
    } finally {
      file.close();
    }
  },
});
