import { assertEquals, assertThrows } from "@std/assert";
import { FormatVersionError } from "../../../engine/system/errors.ts";
import {
  completeGenerations,
  generationPaths,
  parseName,
  temporary,
} from "../../../engine/lock/layout.ts";
import { Checksum, SUM } from "../../../engine/bytes/checksum.ts";
import {
  decodeIdentity,
  Destroyed,
  encodeDestroyed,
  encodeFileHeader,
  encodeIdentity,
  fileOwner,
} from "../../../engine/bytes/header.ts";
import {
  chainValue,
  decodeDurableMark,
  decodeFrame,
  decodeFrameHeader,
  encodeDurableMark,
  encodeFrame,
  encodeLogPage,
  encodeSealedInto,
  FRAME,
  FRAME_HEADER,
  payloadOf,
} from "../../../engine/log/frame.ts";

const SUMS = new Checksum(new Uint8Array(16).fill(7));
const OTHER = new Checksum(new Uint8Array(16).fill(8));

/** All single-bit changes of `bytes`. */
function* flips(bytes: Uint8Array): Generator<[number, Uint8Array]> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    yield [bit >> 3, flipped];
  }
}

/** The bytes with the version at 8 made newer. */
function newer(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[8] = 99;
  SUMS.put(SUM.fileHeader, 0, 0, copy, 0, 32);
  return copy;
}

Deno.test("decodeIdentity() tells what is empty, damaged, foreign, newer", () => {
  const bytes = encodeIdentity(SUMS);
  const found = decodeIdentity("p", bytes);
  assertEquals(found instanceof Checksum && found.uuid, SUMS.uuid);
  assertEquals(decodeIdentity("p", new Uint8Array()), "empty");
  assertEquals(decodeIdentity("p", new Uint8Array(40)), "empty");
  const tombstone = encodeDestroyed(SUMS);
  const destroyed = decodeIdentity("p", tombstone);
  assertEquals(destroyed instanceof Destroyed && destroyed.checksums.uuid, SUMS.uuid);
  assertEquals(decodeIdentity("p", tombstone.with(20, tombstone[20]! ^ 1)), "damaged");
  assertEquals(
    decodeIdentity("p", new TextEncoder().encode("a file of another program")),
    "foreign",
  );
  assertEquals(decodeIdentity("p", bytes.subarray(0, 39)), "damaged");
  assertThrows(() => decodeIdentity("p", newer(bytes)), FormatVersionError);
  for (const [at, flipped] of flips(bytes)) {
    assertEquals(decodeIdentity("p", flipped), at < 8 ? "foreign" : "damaged", `byte ${at}`);
  }
});

Deno.test("fileOwner() takes a header for its table, generation and kind only", () => {
  const bytes = encodeFileHeader("log", SUMS, 3);
  assertEquals(fileOwner("p", "log", bytes, SUMS, 3), "ours");
  assertEquals(fileOwner("p", "log", bytes, OTHER, 3), "other");
  assertEquals(fileOwner("p", "log", bytes, SUMS, 4), "damaged");
  assertEquals(fileOwner("p", "table", bytes, SUMS, 3), "damaged");
  assertEquals(fileOwner("p", "log", bytes.subarray(0, 39), SUMS, 3), "damaged");
  assertThrows(() => fileOwner("p", "log", newer(bytes), SUMS, 3), FormatVersionError);
  for (const [at, flipped] of flips(bytes)) {
    assertEquals(fileOwner("p", "log", flipped, SUMS, 3), "damaged", `byte ${at}`);
  }
});

Deno.test("decodeMark() takes the largest slot that verifies, and sealedInto on its own", () => {
  const page = encodeLogPage(SUMS, 3, 4096);
  assertEquals(decodeDurableMark(SUMS, 3, page), { syncedTo: 4096, sealedInto: false });
  const put = ({ at, bytes }: { at: number; bytes: Uint8Array }) => page.set(bytes, at);
  put(encodeDurableMark(SUMS, 3, 1n, 2 ** 40));
  put(encodeDurableMark(SUMS, 3, 2n, 8192));
  put(encodeSealedInto(SUMS, 3));
  assertEquals(decodeDurableMark(SUMS, 3, page), { syncedTo: 2 ** 40, sealedInto: true });
  // Of another generation or table it says nothing.
  assertEquals(decodeDurableMark(SUMS, 4, page), { syncedTo: 0, sealedInto: false });
  assertEquals(decodeDurableMark(OTHER, 3, page), { syncedTo: 0, sealedInto: false });
  for (const [at, flipped] of flips(encodeDurableMark(SUMS, 3, 1n, 2 ** 40).bytes)) {
    put({ at: encodeDurableMark(SUMS, 3, 1n, 0).at, bytes: flipped });
    assertEquals(decodeDurableMark(SUMS, 3, page).syncedTo, 8192, `byte ${at}`);
  }
  // Every nonce has a slot within the page, behind the flag.
  for (const nonce of [0n, 191n, 192n, 2n ** 64n - 1n]) {
    const { at, bytes } = encodeDurableMark(SUMS, 3, nonce, 1);
    assertEquals([at >= 1024, at + bytes.length <= 4096], [true, true]);
  }
});

Deno.test("decodeFrame() verifies every byte of a frame, at its place only", () => {
  const header = { kind: FRAME.commit, sequence: 2 ** 40, prev: 5n, nonce: 6n, syncedTo: 4096 };
  for (const length of [0, 1, 8, 100]) {
    const payload = new Uint8Array(length).fill(3);
    const { bytes, chain } = encodeFrame(SUMS, 3, 4104, header, payload);
    assertEquals(bytes.length % 8, 0);
    const { nonce: _, prev: __, ...expected } = { ...header, length: bytes.length };
    assertEquals(decodeFrame(SUMS, 3, 4104, bytes, 0), expected);
    assertEquals(decodeFrameHeader(SUMS, 3, 4104, bytes, 0), expected);
    assertEquals(chainValue(bytes, bytes.length), chain);
    assertEquals(payloadOf(bytes, 0, expected).subarray(0, length), payload);
    for (const decode of [decodeFrame, decodeFrameHeader]) {
      assertEquals(decode(SUMS, 3, 4112, bytes, 0), undefined, "another offset");
      assertEquals(decode(SUMS, 3, 4104 + 2 ** 32, bytes, 0), undefined, "a far offset");
      assertEquals(decode(SUMS, 4, 4104, bytes, 0), undefined, "another generation");
      assertEquals(decode(OTHER, 3, 4104, bytes, 0), undefined, "another base");
    }
    for (const [at, flipped] of flips(bytes)) {
      // The header's own sum is not asked where the frame is whole.
      if (at >= 40 && at < 48) {
        assertEquals(decodeFrameHeader(SUMS, 3, 4104, flipped, 0), undefined);
      }
      assertEquals(decodeFrame(SUMS, 3, 4104, flipped, 0), undefined, `byte ${at}`);
      if (at < FRAME_HEADER) assertEquals(decodeFrameHeader(SUMS, 3, 4104, flipped, 0), undefined);
    }
    // A header counts though what follows it is torn.
    assertEquals(decodeFrameHeader(SUMS, 3, 4104, bytes.subarray(0, FRAME_HEADER), 0), expected);
    assertEquals(decodeFrame(SUMS, 3, 4104, bytes.subarray(0, bytes.length - 1), 0), undefined);
  }
});

Deno.test("encodeFrame() makes other bytes for the same commit tried again, or behind another", () => {
  const header = { kind: FRAME.commit, sequence: 1, prev: 5n, nonce: 6n, syncedTo: 4096 };
  const chains = [header, { ...header, nonce: 7n }, { ...header, prev: 6n }].map((header) =>
    encodeFrame(SUMS, 3, 4096, header, new Uint8Array(9)).chain
  );
  assertEquals(new Set(chains).size, 3);
});

Deno.test("parseName() knows the names that layout.ts makes, and no others", () => {
  const { segment: table, log } = generationPaths("/d", 12);
  assertEquals([table, log], ["/d/000012.table", "/d/000012.log"]);
  const name = (path: string) => path.slice("/d/".length);
  const expected = { generation: 12, kind: "table", temporary: false } as const;
  assertEquals(parseName(name(table)), expected);
  for (const nonce of [0n, 2n ** 64n - 1n]) {
    assertEquals(parseName(name(temporary(table, nonce))), { ...expected, temporary: true });
    assertEquals(parseName(name(temporary("/d/base", nonce))), "other");
  }
  assertEquals(["base", "owner", "cleanup"].map(parseName), ["other", "other", "other"]);
  for (
    const foreign of ["Base", "base.bak", "12.table", "000012.tables", "000012.log.x", "owner.1"]
  ) {
    assertEquals(parseName(foreign), undefined, foreign);
  }
});

Deno.test("completeGenerations() leaves out what is half there or temporary", () => {
  const names = ["000010.log", "000002.table", "000010.table", "000002.log", "000003.log", "base"];
  const half = ["000004.table", temporary("000004.log", 1n), temporary("000003.table", 2n)];
  assertEquals(completeGenerations([...names, ...half]), [2, 10]);
});
