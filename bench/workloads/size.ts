/**
 * What a table takes on disk: after its rows were inserted, and after all that the comparison does
 * to them.
 *
 * @module
 */

import { sizeOf } from "../suite/files.ts";
import { type T1, t1A } from "../tables/t1.ts";
import type { Turn, Workload } from "../suite/workload.ts";
import { byStore, digest, type Work } from "./work.ts";

const CLEANUP: Work<T1> = {
  name: "",
  title: "",
  table: t1A,
  psbase: (base) => base.cleanup(),
  sqlite: (db) => db.exec("VACUUM"),
  kv() {},
  json() {},
};

/** The changes of these works, one after the other, on one table. */
export function sizeWorkload(works: readonly Work<T1>[], group: string): Workload {
  const named = (names: string[]) => names.map((name) => works.find((work) => work.name === name)!);
  const changes = named(["update-range", "update-one", "delete-words", "delete-range"]);
  const unit = "KiB";
  return {
    name: "size",
    group,
    lines: {
      size: {
        title: "size on disk, rows inserted, index on a",
        unit,
        goal: { most: 4500, peer: 5468 },
      },
      "size-changed": { title: "… after the updates and deletes above", unit },
      "size-cleaned": { title: "… and after `cleanup`, `VACUUM`", unit },
    },
    contenders: byStore<T1, (dir: string) => Promise<Turn>>(
      undefined,
      (store, act) => async (dir) => {
        const path = `${dir}/t`;
        const handle = await store.create(path, t1A);
        const sizeAfter = async (works: readonly Work<T1>[]) => {
          const handle = await store.open(path);
          for (const work of works) await act(work, handle);
          await store.close(handle);
          return sizeOf(dir) / 1024;
        };
        await store.close(handle);
        const figures = {
          size: await sizeAfter(named(["insert"])),
          "size-changed": await sizeAfter(changes),
          "size-cleaned": await sizeAfter([CLEANUP]),
        };
        return { figures, result: await digest(store, path) };
      },
    ),
  };
}
