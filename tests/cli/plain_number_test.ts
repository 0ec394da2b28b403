import { assert, assertEquals } from "@std/assert";
import { textKind } from "../../cli/detect.ts";
import { numberKind, plainNumber } from "../../cli/plain_number.ts";
import { VALUE_TYPES } from "../../engine/values.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";

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
    // What stands around a cell is no part of it.
    const codes = new TextEncoder().encode(`1${text}1`);
    const [from, to] = [1, codes.length - 1];
    const told = `seed ${SEED}: ${JSON.stringify(text)}`;
    for (const type of ["integer", "float"] as const) {
      const number = plainNumber(codes, from, to, type);
      if (number === undefined) continue;
      known++;
      const value = parsed(type, text);
      assert(value !== undefined, `${told} is no ${type}`);
      assertEquals(VALUE_TYPES[type].take(number), VALUE_TYPES[type].take(value), told);
    }
    const kind = numberKind(codes, from, to);
    if (kind === undefined) continue;
    known++;
    assertEquals(kind, textKind(text, new Set()), told);
  }
  assert(known > 50_000, `${known}`);
});

Deno.test("plainNumber() and numberKind() know what most files hold", () => {
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
  assertEquals(found("1131.2857142857142"), ["float", undefined, undefined]);
  assertEquals(found("007"), [undefined, 7, 7]);
  for (const text of ["", "-", ".", "1e5", "+1", "1,5"]) {
    assertEquals(found(text), [undefined, undefined, undefined], text);
  }
});
