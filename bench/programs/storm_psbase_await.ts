import { PsBase } from "../../base.ts";
import type { STRIKES } from "../../examples/storm/strikes.ts";
import { storm } from "./storm.ts";

await storm(async ({ dir }) => {
  const base = await PsBase.open<typeof STRIKES>(dir);
  return {
    search: (airport) => base.select({ airport }),
    insert: (strike) => base.insert(strike),
    remove: async (id) => await base.delete(id) === 1,
    close: () => void base.close(),
  };
});
