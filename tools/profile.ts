/**
 * What a short-lived process does with a table: the functions that it calls are compiled with their
 * modules (see `eager.ts`). `build.ts` runs this program on the bundle and reads V8's log.
 *
 * ```sh
 * deno run -A tools/profile.ts MODULE DIRECTORY make|run
 * ```
 *
 * @module
 */

const [module, dir, job] = Deno.args as [string, string, "make" | "run"];
const { PsBase }: typeof import("../mod.ts") = await import(module);

if (job === "make") {
  await using table = await PsBase.create(dir, {
    name: { type: "string", index: true },
    age: "integer",
    score: "float",
    note: "string",
  });
  await table.insertMany(
    Array.from({ length: 5000 }, (_, i) => ({
      name: `name${i % 1250}`,
      age: i % 90,
      score: i / 7,
      note: `some note ${i}`,
    })),
  );
  await table.cleanup();
} else {
  // Another handle's commits are read, too, as in a crowd.
  await using table = await PsBase.open(dir);
  await using other = await PsBase.open(dir);
  const row = { name: "own", age: 3, score: 1.5, note: "n" };
  for (let i = 0; i < 2; i++) {
    table.select({ name: `name${i}` });
    table.select({ age: [3, 5] }, { limit: 2 });
    table.get(i);
    table.count({ age: 7 });
    const id = await table.insert(row as never);
    await other.insert(row as never);
    await table.update(id, { age: 4 } as never);
    await table.delete(id);
    const again = table.insertSync(row as never);
    table.updateSync(again, { age: 4 } as never);
    table.deleteSync(again);
  }
}
