/**
 * Opening a table and getting one row.
 *
 * @module
 */

import { psbase } from "../stores/psbase.ts";
import { sqlite } from "../stores/sqlite.ts";
import type { PlainRow, Store, Templates } from "../stores/store.ts";
import { type T1, t1A } from "../tables/t1.ts";
import type { Contender, Turn, Workload } from "../suite/workload.ts";
import { commandOf, programOf, run, runTelling } from "./programs.ts";
import { byStore, type Work } from "./work.ts";

type Run = (dir: string) => Promise<Turn>;

/** Opens and gets, in this process and in a new one. */
export function openingWorkloads(templates: Templates, count: number, group: string): Workload[] {
  const id = Math.floor(count * 0.7);
  const running = <H>(store: Store<H>, contender: Contender): Run => async () => {
    const args = [await templates.get(store, t1A, count), `${id}`];
    const program = await programOf("get", contender, templates);
    // Deno keeps what it compiled of a program that it has seen.
    await run(program, args);
    const start = performance.now();
    const { ms, result } = await runTelling(program, args);
    return { figures: { "process-get": ms, process: performance.now() - start }, result };
  };
  const [{ b }] = [...t1A.rows(1, id)] as [{ b: number }];
  const nothing = (figure: string, result: unknown) => async () => {
    const start = performance.now();
    await run(await programOf("get", "nothing", templates), []);
    return { figures: { [figure]: performance.now() - start }, result };
  };
  /** The command beside a program on SQLite that does the same. */
  const commandWorkload = (verb: "get" | "count", result: number): Workload => {
    const name = `command-${verb}`;
    const timedRun = async (program: readonly string[], args: readonly string[]) => {
      await run(program, args);
      const start = performance.now();
      const printed: { b?: number; result?: number } | number = JSON.parse(
        await run(program, args),
      );
      const ms = performance.now() - start;
      const result = typeof printed === "number" ? printed : printed.b ?? printed.result;
      return { figures: { [name]: ms }, result };
    };
    const [title, args] = verb === "get"
      ? ["`psbase get`: a process that prints a row", [`${id}`]]
      : ["`psbase count`: a process that counts the rows", []];
    return {
      name,
      group,
      lines: { [name]: { title } },
      contenders: {
        async psbase() {
          const path = await templates.get(psbase(), t1A, count);
          const json = verb === "get" ? ["--json"] : [];
          return timedRun(await commandOf(templates), [verb, path, ...args, ...json]);
        },
        async "SQLite FULL"() {
          const path = await templates.get(sqlite("FULL"), t1A, count);
          return timedRun(await programOf(verb, "SQLite FULL", templates), [path, ...args]);
        },
        nothing: nothing(name, result),
      },
    };
  };
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
        ...byStore<T1, Run>(undefined, (store) => running(store, store.contender)),
        "psbase sources": running(psbase(), "psbase sources"),
        nothing: nothing("process", b),
      },
    },
    commandWorkload("get", b),
    commandWorkload("count", count),
  ];
}
