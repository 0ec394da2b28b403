/// <reference lib="deno.unstable" />
import { storm } from "./storm.ts";

/** Does it again for as long as other processes are in the way: Deno KV gives up on them. */
async function insistent<T>(fn: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await fn();
    } catch (error) {
      if (!String(error).includes("database is locked")) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
    }
  }
}

await storm(async ({ dir }) => {
  const kv = await insistent(() => Deno.openKv(dir));
  const newest = { reverse: true, limit: 1 };
  return {
    search: (airport) => Array.fromAsync(kv.list({ prefix: ["t_airport", airport] })),
    async insert({ airport, date, operator, speed }) {
      const row = { airport, date: String(date), operator, speed };
      for (;;) {
        const [last] = await Array.fromAsync(kv.list({ prefix: ["t"] }, newest));
        const id = last!.key[1] as number + 1;
        const insert = kv.atomic().check({ key: ["t", id], versionstamp: null })
          .set(["t", id], row).set(["t_airport", airport, id], row);
        if ((await insistent(() => insert.commit())).ok) return id;
      }
    },
    async remove(id) {
      const { value } = await kv.get<{ airport: string }>(["t", id]);
      const remove = kv.atomic().delete(["t", id]).delete(["t_airport", value!.airport, id]);
      return (await insistent(() => remove.commit())).ok;
    },
    close: () => kv.close(),
  };
});
