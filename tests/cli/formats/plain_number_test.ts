import { assert, assertEquals } from "@std/assert";
import { textKind } from "../../../cli/formats/detect.ts";
import {
  holds,
  isSameNumber,
  longIntegerOf,
  numberKind,
  plainNumber,
} from "../../../cli/formats/plain_number.ts";
import { VALUE_TYPES } from "../../../engine/schema/values.ts";
import { newSeed, type Random, randomFrom } from "../../helpers/random.ts";

const SEED = newSeed();

/** What is a number, or nearly one. */
function textOf(random: Random): string {
  const digits = (most: number) =>
    Array.from({ length: random.below(most + 1) }, () => random.below(random.pick([1, 10]))).join(
      "",
    );
  return random.pick([
    () => `${random.pick(["", "-"])}${digits(18)}`,
    () => `${random.pick(["", "-"])}${digits(18)}.${digits(18)}`,
    () => String((random.below(2 ** 32) - 2 ** 31) / 10 ** random.below(20)),
    () => Array.from({ length: random.below(5) }, () => random.pick([..."-+.e 01é"])).join(""),
  ])();
}

/** What the parser of a type makes of it; `undefined` if it refuses it. */
function parsed(type: "integer" | "float", text: string): unknown {
  try {
    return VALUE_TYPES[type].parse(text);
  } catch {
    return undefined;
  }
}

Deno.test("plainNumber() and numberKind() say what parse() and textKind() do, or nothing", () => {
  const random = randomFrom(SEED);
  let known = 0;
  for (let i = 0; i < 50_000; i++) {
    const text = textOf(random);
    // The characters around a cell are not part of it.
    const codes = new TextEncoder().encode(`1${text}1`);
    const [from, to] = [1, codes.length - 1];
    const told = `seed ${SEED}: ${JSON.stringify(text)}`;
    for (const type of ["integer", "float"] as const) {
      const number = plainNumber(codes, from, to, type);
      if (number === undefined) continue;
      known++;
      const value = parsed(type, text);
      assert(value !== undefined, `${told} is no ${type}`);
      assertEquals(VALUE_TYPES[type].encode(number), VALUE_TYPES[type].encode(value), told);
    }
    const kind = numberKind(codes, from, to);
    if (kind === undefined || kind === "long") continue;
    known++;
    assertEquals(kind, textKind(text), told);
  }
  assert(known > 50_000, `${known}`);
});

Deno.test("plainNumber() and numberKind() know the numbers of most files", () => {
  const found = (text: string) => {
    const codes = new TextEncoder().encode(text);
    return [
      numberKind(codes, 0, codes.length),
      plainNumber(codes, 0, codes.length, "integer"),
      plainNumber(codes, 0, codes.length, "float"),
    ];
  };
  assertEquals(found("0"), ["integer", 0, 0]);
  assertEquals(found("-123456789012345"), ["integer", -123456789012345, -123456789012345]);
  assertEquals(found("0.1"), ["float", undefined, 0.1]);
  assertEquals(found("-1234567.12345678"), ["float", undefined, -1234567.12345678]);
  assertEquals(found("1131.2857142857142"), ["long", undefined, undefined]);
  assertEquals(found("3.50"), ["~float", undefined, 3.5]);
  assertEquals(found("0.000001"), ["float", undefined, 0.000001]);
  assertEquals(found("0.0000001"), ["~float", undefined, 0.0000001]);
  assertEquals(found("007"), [undefined, 7, 7]);
  for (const text of ["", "-", ".", "1e5", "+1", "1,5"]) {
    assertEquals(found(text), [undefined, undefined, undefined], text);
  }
});

Deno.test("holds() tells whether a float is the number of a text in any notation", () => {
  const cases: [text: string, isHeld: boolean][] = [
    ["0.1", true],
    ["1.10", true],
    ["12E5", true],
    [".5", true],
    ["5.", true],
    ["-0.000", true],
    ["0e9", true],
    ["1e400", false],
    ["1e-400", false],
    ["4.9e-324", true], // as Java writes the least one
    ["3e-324", false],
    ["5e-324", true],
    ["0.10000000000000001", true], // as %.17g writes it
    ["0.1000000000000000055511151231257827", true],
    ["0.100000000000000004", false],
    ["3.14159265358979323846", false],
    ["100000000000000000000.5", false],
    ["9007199254740993", false],
    ["9007199254740992", true],
    ["9007199254740993.0", false],
    ["1" + "0".repeat(300), true],
    ["0." + "1".repeat(200), false],
  ];
  for (const [text, isHeld] of cases) assertEquals(holds(Number(text), text), isHeld, text);
  const random = randomFrom(SEED);
  for (let i = 0; i < 20_000; i++) {
    const value = (random.below(2 ** 32) - 2 ** 31) * 2 ** (random.below(400) - 200);
    // With as many digits as the float needs, or more: each text is the float itself.
    for (const text of [String(value), value.toPrecision(17), value.toPrecision(40)]) {
      assert(holds(Number(text), text), `seed ${SEED}: ${text}`);
      assert(isSameNumber(text, `${text.includes("e") ? text : text + "e0"}`));
    }
    // The middle between two floats is not a float.
    const integer = BigInt(2 ** 53) + BigInt(random.below(2 ** 31)) * 2n + 1n;
    assertEquals(holds(Number(integer), String(integer)), false, `seed ${SEED}: ${integer}`);
    assertEquals(longIntegerOf(`${integer}.0`), integer);
  }
});

Deno.test("longIntegerOf() reads integers of 64 bits in any notation", () => {
  const cases: [text: string, value: bigint | undefined][] = [
    ["9223372036854775807", 2n ** 63n - 1n],
    ["9223372036854775808", undefined],
    ["-9223372036854775808", -(2n ** 63n)],
    ["14136171125018501210e-1", 1413617112501850121n],
    ["1413617112501850121e0", 1413617112501850121n],
    ["12e17", 12n * 10n ** 17n],
    ["12e18", undefined],
    ["1.5", undefined],
    ["0", 0n],
  ];
  for (const [text, value] of cases) assertEquals(longIntegerOf(text), value, text);
});
