/**
 * Which of many texts have a part: a search over all their bytes, 16 at a time, which is what
 * WebAssembly is here for. It takes a third of the time of `indexOf`.
 *
 * @module
 */

/** `at < end ? … : -1`: where from `at` on, before `end`, two bytes stand so far from each other. */
type Find = (at: number, end: number, first: number, last: number, distance: number) => number;

/** So many bytes can be searched at once. */
export const ROOM = 64 * 2 ** 16;

// deno-fmt-ignore
const MODULE = Uint8Array.of(
  0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,     // a module of version 1
  1, 10, 1, 0x60,                         // one type of functions:
    5, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f,      //   five numbers
    1, 0x7f,                              //   give one
  3, 2, 1, 0,                             // one function, of this type
  5, 3, 1, 0, 65,                         // one memory: 64 KiB × 65, as reads go 15 bytes beyond
  7, 9, 2,                                // two exports:
    1, 0x6d, 2, 0,                        //   "m", the memory
    1, 0x66, 0, 0,                        //   "f", the function
  10, 73, 1, 71,                          // its code, of 71 bytes:
    1, 1, 0x7f,                           //   local 5: where both bytes stand, a bit for each of 16
    0x03, 0x40,                           //   loop
      0x20, 0, 0x20, 1, 0x4f,             //     at >= end
      0x04, 0x40, 0x41, 0x7f, 0x0f, 0x0b, //     if: return -1
      0x20, 0, 0xfd, 0x00, 0, 0,          //     16 bytes from at on
      0x20, 2, 0xfd, 0x0f, 0xfd, 0x23,    //     each == first
      0x20, 0, 0x20, 4, 0x6a,             //     at + distance
      0xfd, 0x00, 0, 0,                   //     16 bytes from there on
      0x20, 3, 0xfd, 0x0f, 0xfd, 0x23,    //     each == last
      0xfd, 0x4e, 0xfd, 0x64, 0x22, 5,    //     both: bits, kept
      0x04, 0x40,                         //     if there is one:
        0x20, 0, 0x20, 5, 0x68, 0x6a,     //       at + the number of zeros before it
        0x0f, 0x0b,                       //       return
      0x20, 0, 0x41, 16, 0x6a, 0x21, 0,   //     at += 16
      0x0c, 0, 0x0b,                      //   go on
    0x00, 0x0b,                           //   never reached
);

const encoder = new TextEncoder();

let machine: { readonly memory: Uint8Array; readonly find: Find } | undefined;

function start(): NonNullable<typeof machine> {
  const { m, f } = new WebAssembly.Instance(new WebAssembly.Module(MODULE)).exports;
  return { memory: new Uint8Array((m as WebAssembly.Memory).buffer), find: f as Find };
}

/**
 * Puts into `places` which of the texts have a part, ascending, and tells how many.
 *
 * @param heap The texts, one behind the other: their UTF-8, or ASCII characters; not more than
 * {@linkcode ROOM}.
 * @param offsets Where each begins, and where the last one ends.
 * @param part The part, of one byte at least.
 */
export function searchBytes(
  heap: Uint8Array | string,
  offsets: Uint32Array,
  part: Uint8Array,
  places: Uint32Array,
): number {
  if (part.length > heap.length) return 0;
  const { memory, find } = machine ??= start();
  if (typeof heap === "string") encoder.encodeInto(heap, memory);
  else memory.set(heap);
  const last = part.length - 1;
  const end = heap.length - last;
  const next = (at: number) => find(at, end, part[0]!, part[last]!, last);
  let n = 0;
  let i = 0;
  for (let at = next(0); at >= 0 && at < end;) {
    let k = 1;
    while (k < last && memory[at + k] === part[k]) k++;
    let from = at + 1;
    if (k >= last) {
      while (offsets[i + 1]! <= at) i++;
      // One hit a value is enough; one that reaches into the next value is none.
      if (at + part.length <= offsets[i + 1]!) {
        places[n++] = i;
        from = offsets[i + 1]!;
      }
    }
    at = next(from);
  }
  return n;
}
