import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Base, PsBase, UpdateError } from "../../mod.ts";
import { tempBase } from "../helpers/temp_base.ts";

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}.delete() takes rows and ids, one or many, and counts those there`, async () => {
    await using temp = tempBase();
    {
      await using db = await Class.create(temp.path, { n: "integer" });
      await db.insertMany(Array.from({ length: 100 }, (_, n) => ({ n })));
      assertEquals(await db.delete(5), 1);
      assertEquals(await db.delete(5), 0);
      assertEquals(db.deleteSync(db.get(6)!), 1);
      const { sequence } = db.stats();
      assertEquals(await db.delete([7, 7, 5, 1000, -1, db.get(8)!]), 2);
      assertEquals(db.stats().sequence, sequence + 1, "an array is one commit");
      assertEquals(await db.delete([]), 0);
      assertEquals(await db.delete([5, 6]), 0);
      assertEquals(db.stats().sequence, sequence + 1, "nothing to delete is no commit");
      const row = db.get(9)!;
      await db.update(9, { n: -9 });
      assertEquals(await db.delete(row), 1, "whatever the version");
      assertEquals(await db.delete(db.select({ n: [10, 19] })), 10);
      assertEquals(db.size, 85);
    }
    const gone = [5, 6, 7, 8, 9, ...Array.from({ length: 10 }, (_, i) => 10 + i)];
    using db = Class.openSync(temp.path, { schema: { n: "integer" } });
    const live = Array.from({ length: 100 }, (_, n) => n).filter((n) => !gone.includes(n));
    assertEquals([...db.keys()], live);
    db.cleanupSync();
    assertEquals([...db.keys()], live);
    assertEquals(db.deleteSync(99), 1);
    assertEquals(db.insertSync({ n: 1 }), 100, "an id is never used again");
  });

  Deno.test(`${Class.name}.delete() of all rows leaves a table that goes on`, async () => {
    await using temp = tempBase();
    {
      await using db = await Class.create(temp.path, { n: "integer" });
      for (const cleaned of [false, true]) {
        const ids = db.insertManySync([{ n: 1 }, { n: 2 }]);
        if (cleaned) await db.cleanup();
        assertEquals(await db.delete(ids), 2);
        assertEquals([db.size, [...db], db.at(0), db.at(-1)], [0, [], undefined, undefined]);
        assertEquals(db.select({ n: 1 }).length, 0);
        await db.cleanup();
        assertEquals([db.size, db.stats().deadRows], [0, 0]);
      }
      assertEquals(await db.insert({ n: 5 }), 4, "not even after cleanup and");
      assertEquals(await db.delete(4), 1);
      await db.cleanup();
    }
    using db = Class.openSync(temp.path, { schema: { n: "integer" } });
    assertEquals(db.insertSync({ n: 6 }), 5, "reopening");
  });
}

Deno.test("Base.delete() refuses what is no row, and deletes nothing", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { n: "integer" });
  db.insertSync({ n: 1 });
  for (const target of ["0", null, undefined, {}, { __id__: 0 }, [0, "0"], { n: 1 }, true]) {
    await assertRejects(
      () => db.delete(target as never),
      UpdateError,
      `Cannot delete from "${temp.path}": `,
    );
    assertThrows(() => db.deleteSync(target as never), UpdateError);
  }
  assertEquals(db.size, 1);
});
