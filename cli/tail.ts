/**
 * Telling of a write that was cut off.
 *
 * @module
 */

import type { PsBase } from "../mod.ts";
import { type Io, say } from "./io.ts";

/** Tells at the end, as the tail may be found at opening or not before writing. */
export function tellTail(io: Io, base: PsBase): Disposable {
  return {
    [Symbol.dispose]() {
      if (base.recovered === null) return;
      const { file, offset, bytes } = base.recovered;
      say(
        io,
        `${file}: ${bytes} bytes at ${offset} are of a write that was cut off before it was ` +
          `acknowledged; the base is as it was before that write`,
      );
    },
  };
}
