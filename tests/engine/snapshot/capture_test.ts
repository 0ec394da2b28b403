import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { capture, captureFields } from "../../../engine/snapshot/capture.ts";
import { link, PsBase } from "../../../mod.ts";
import { tempBase } from "../../helpers/temp_base.ts";

Deno.test("capture() copies all that can be changed, and leaves the rest as it is", () => {
  const given = {
    list: [1, [new Date(5), , null]],
    photo: new Uint8Array([1, 2]),
    pattern: /a/gi,
    bare: Object.assign(Object.create(null), { deep: { deeper: true } }),
    ["__proto__"]: { own: 1 },
  };
  const captured = capture(given) as typeof given;
  assertEquals(captured, {
    ...given,
    list: [1, [new Date(5), undefined, null]],
    bare: { deep: { deeper: true } },
  });
  assertEquals(Object.getOwnPropertyNames(captured), Object.getOwnPropertyNames(given));
  for (const name of ["list", "photo", "pattern", "bare"] as const) {
    assertNotStrictEquals(captured[name], given[name]);
  }
  for (const same of [1, 1n, "a", null, undefined, () => 1, new Map(), Temporal.Now.instant()]) {
    assertStrictEquals(capture(same), same);
  }
});

Deno.test("capture() reads each property once", () => {
  let reads = 0;
  const given = {
    get n() {
      return ++reads;
    },
  };
  assertEquals([capture(given), reads], [{ n: 1 }, 1]);
});

Deno.test("capture() goes by what an object is, not by what it says of itself", () => {
  class Late extends Date {
    override getTime = () => 1.5;
  }
  const date = capture(new Late(7)) as Date;
  assertEquals([Object.getPrototypeOf(date), date.getTime()], [Date.prototype, 7]);
  const bytes = Object.defineProperty(new Uint8Array([1, 2, 3]), "length", { value: 1 });
  assertEquals((capture(bytes) as Uint8Array).length, 3);
  const fake = Object.create(Date.prototype);
  assertStrictEquals(capture(fake), fake);
});

Deno.test("captureFields() takes the fields of an instance of any class; of no fields, the instance", () => {
  class Person {
    born = new Date(5);
  }
  const given = new Person();
  const captured = captureFields(given) as Person;
  given.born.setTime(9);
  assertEquals(captured, { born: new Date(5) } as Person);
  const map = new Map([["born", 1]]);
  assertStrictEquals(captureFields(map), map);
  assertEquals(captureFields([1]), [1]);
});

Deno.test("capture() refuses what is nested in itself", () => {
  const cycle: unknown[] = [];
  cycle.push({ cycle });
  assertThrows(() => capture(cycle), RangeError, "or in a cycle");
});

Deno.test("capture() keeps rows and what else has an id, for links, and follows no link", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { n: "integer", boss: link("self") });
  await using other = await PsBase.create(`${temp.parent}/other`, { n: "integer" });
  await db.insertMany([{ n: 0 }, { n: 1 }]);
  await db.update([0, 1], { boss: 0 });
  await other.insertMany([{ n: 0 }, { n: 1 }]);
  class Wrapped {
    id = 1;
    get __id__() {
      return this.id;
    }
  }
  const wrapped = new Wrapped();
  const row = db.get(1)!;
  const updates = [
    db.update(0, { boss: row }),
    db.update(1, { boss: wrapped as unknown as { __id__: number; __version__: number } }),
  ];
  Object.assign(row, { __id__: 0 });
  wrapped.id = 0;
  assertEquals((await Promise.all(updates)).map(({ boss }) => boss?.__id__), [1, 1]);
  const copy = capture(db.get(1)) as Record<string, unknown>;
  assert(Object.getOwnPropertyDescriptor(copy, "boss")!.get !== undefined);
  assertEquals(JSON.stringify(copy), JSON.stringify(db.get(1)));
  // It is known of which table a row is, also when it is captured.
  const foreign = other.get(1) as unknown as { __id__: number; __version__: number };
  const refused = await db.update(0, { boss: foreign }).catch((error: Error) => error.message);
  assert(String(refused).includes("it is a row of another table"), String(refused));
});
