import { PsBase } from "../../base.ts";
import type { STRIKES } from "../../examples/storm/strikes.ts";
import { storm } from "./storm.ts";

await storm(({ dir }) => {
  const base = PsBase.openSync<typeof STRIKES>(dir);
  return {
    search: (airport) => base.select({ airport }),
    insert: (strike) => base.insertSync(strike),
    remove: (id) => base.deleteSync(id) === 1,
    close: () => void base.close(),
  };
});
