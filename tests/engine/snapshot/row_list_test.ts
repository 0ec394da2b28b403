import { assertEquals } from "@std/assert";
import { RowList } from "../../../engine/snapshot/row_list.ts";
import type { StoredRow } from "../../../engine/schema/field_def.ts";
import { random } from "../../helpers/crash_file.ts";

Deno.test("RowList does what a map does, in id order, and its clone changes on its own", () => {
  const next = random(1);
  let list = new RowList();
  const model = new Map<number, StoredRow | null>();
  const compare = (list: RowList, model: Map<number, StoredRow | null>) => {
    const entries = [...model].sort(([a], [b]) => a - b);
    assertEquals(Array.from({ length: list.length }, (_, i) => [list.id(i), list.row(i)]), entries);
    assertEquals(list.gone, entries.filter(([, row]) => row === null).length);
    for (let id = -1; id <= 40; id++) {
      assertEquals(list.get(id), model.get(id));
      assertEquals(list.lowerBound(id), entries.filter(([other]) => other < id).length);
    }
  };
  for (let i = 0; i < 2000; i++) {
    const id = Math.floor(next() * 40);
    const row = next() < 0.3 ? null : { version: i, values: [] };
    if (next() < 0.4) {
      assertEquals(list.remove(id), model.delete(id));
    } else {
      list.set(id, row);
      model.set(id, row);
    }
    if (i % 50 !== 0) continue;
    compare(list, model);
    const clone = list.clone();
    list.set(1, null);
    list.remove(2);
    compare(clone, model);
    list = clone;
  }
});
