import { PsBase } from "@psbase/psbase";
import { assertEquals } from "@std/assert";

Deno.test("Base.cleanup() takes in what is there, though a cleanup that began before is under way", async () => {
  const dir = await Deno.makeTempDir();
  const base = await PsBase.create(dir, { n: "integer" });
  const rows = Array.from({ length: 5000 }, (_, n) => ({ n }));
  await base.insertMany(rows);
  const first = base.cleanup();
  await base.insertMany(rows);
  await base.cleanup();
  const { logBytes, rows: size } = base.stats();
  assertEquals({ logBytes, size }, { logBytes: 4096, size: 10_000 });
  await first;
  await base.destroy();
});
