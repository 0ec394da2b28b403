/**
 * Opening a table and getting one row.
 *
 * @module
 */

import { psbase } from "../stores/psbase.ts";
import type { PlainRow, Templates } from "../stores/store.ts";
import { type T1, t1A } from "../tables/t1.ts";
import type { Turn, Workload } from "../suite/workload.ts";
import { bundledProgram, programOf, run, runTelling } from "./programs.ts";
import { byStore, type Work } from "./work.ts";

type Run = (dir: string) => Promise<Turn>;

async function runGet(program: readonly string[], args: string[]): Promise<Turn> {
  const start = performance.now();
  const { ms, result } = await runTelling(program, args);
  return { figures: { "process-get": ms, process: performance.now() - start }, result };
}

/** Opens and gets, in this process and in a new one. */
export function openingWorkloads(templates: Templates, count: number, group: string): Workload[] {
  const id = Math.floor(count * 0.7);
  const [{ b }] = [...t1A.rows(1, id)] as [{ b: number }];
  return [
    {
      name: "reopen",
      group,
      lines: { reopen: { title: "reopen + get, in process", goal: { most: 0.3, peer: 0.31 } } },
      contenders: byStore<T1, Run>(undefined, (store, act) => async () => {
        const path = await templates.get(store, t1A, count);
        const get: Work<T1> = {
          name: "",
          title: "",
          table: t1A,
          psbase: (base) => base.get(id)?.b,
          sqlite: (db) => db.prepare("SELECT * FROM t WHERE id = ?").get(id + 1)!.b,
          kv: async (kv) => (await kv.get<PlainRow>(["t", id])).value!.b,
          json: (file) => file.rows.get(id)!.b,
        };
        const start = performance.now();
        const handle = await store.open(path);
        const result = await act(get, handle);
        const reopen = performance.now() - start;
        await store.close(handle);
        if (result !== b) throw new Error(`got ${result}, not ${b}`);
        return { figures: { reopen }, result };
      }),
    },
    {
      name: "process",
      group,
      lines: {
        "process-get": { title: "new process: open + get", goal: { most: 1, peer: 0.5 } },
        process: { title: "… the whole process", goal: { most: 20.6, peer: 20.6 } },
      },
      contenders: {
        ...byStore<T1, Run>(undefined, (store) => async () => {
          const path = await templates.get(store, t1A, count);
          return await runGet(programOf("get", store.contender), [path, `${id}`]);
        }),
        async "psbase bundled"() {
          const args = [await templates.get(psbase(), t1A, count), `${id}`];
          const program = await bundledProgram("get", templates);
          await run(program, args); // Deno has seen all other programs before
          return await runGet(program, args);
        },
        async nothing() {
          const start = performance.now();
          await run(programOf("get", "nothing"), []);
          return { figures: { process: performance.now() - start }, result: b };
        },
      },
    },
  ];
}
