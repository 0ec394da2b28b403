import { assertEquals } from "@std/assert";
import { didYouMean } from "../../../cli/call/closest.ts";

Deno.test("didYouMean() counts letters left out, inserted, changed and swapped", () => {
  const names = ["select", "insert", "delete"];
  for (const near of ["selec", "sselect", "selekt", "selcet", "slect", "SELECT", "selekd"]) {
    assertEquals(didYouMean(near, names), ', did you mean "select"?', near);
  }
  assertEquals(didYouMean("deselect", names), ', did you mean "select"?');
  for (const far of ["", "x", "sel", "slkt", "selection of things", "s".repeat(1e6)]) {
    assertEquals(didYouMean(far, names), "", far.slice(0, 20));
  }
  assertEquals(didYouMean("cot", ["cat", "cut"]), ', did you mean "cat"?', "the first of two");
});
